/**
 * Reads what the command line names. In: files, directories (every .json, .yaml, .yml, .pb and .bin below, in order of path) and `-` for standard input.
 * Out: names and bytes; what cannot be read is KM1001, by name. One of the few places that does IO.
 */
import { fstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Diagnostics } from './diag/diagnostic.ts'
import { type Source, TEXT_LIMIT, tooLong } from './input/text.ts'

const SNAPSHOT_FILE = /\.(json|ya?ml|pb|bin)$/i
const STANDARD_INPUT = 0

export function readSources(paths: readonly string[], diag: Diagnostics): readonly Source[] {
  return paths.flatMap((path) =>
    path === '-' ? readOne('-', STANDARD_INPUT, diag) : expand(path, diag).flatMap((file) => readOne(file, file, diag)),
  )
}

function expand(path: string, diag: Diagnostics): readonly string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [path]
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => SNAPSHOT_FILE.test(name))
    .sort()
  if (files.length === 0)
    diag.report({
      code: 'KM1001',
      severity: 'error',
      path: '',
      message: `the directory "${path}" has no .json, .yaml, .yml, .pb or .bin file`,
      fix: 'name the files themselves',
    })
  return files.map((name) => join(path, name))
}

function readOne(name: string, from: string | number, diag: Diagnostics): readonly Source[] {
  try {
    const { size } = typeof from === 'number' ? fstatSync(from) : statSync(from)
    // so that what is refused for its size is not read first
    if (size > TEXT_LIMIT) {
      diag.report({ code: 'KM1007', severity: 'error', path: '', ...tooLong(size), file: name, line: 1, column: 1 })
      return []
    }
    return [{ name, bytes: readFileSync(from) }]
  } catch (error) {
    diag.report({
      code: 'KM1001',
      severity: 'error',
      path: '',
      message: `"${name}" cannot be read: ${reason(error)}`,
      fix: 'check the name and the permissions',
    })
    return []
  }
}

/** "ENOENT: no such file or directory, open 'x'" -> "no such file or directory" */
export function reason(error: unknown): string {
  const { message } = error as Error
  return /^E[A-Z]+: ([^,]+)/.exec(message)?.[1] ?? message
}
