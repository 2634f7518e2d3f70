/**
 * Reads what the command line names. In: files, directories (every .json, .yaml and .yml below, in order of path) and `-` for standard input.
 * Out: names and bytes; what cannot be read is KM1001, by name. One of the few places that does IO.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Diagnostics } from './diag/diagnostic.ts'
import type { Source } from './input/text.ts'

const TEXT_FILE = /\.(json|ya?ml)$/i
const STANDARD_INPUT = 0

export function readSources(paths: readonly string[], diag: Diagnostics): readonly Source[] {
  return paths.flatMap((path) =>
    path === '-' ? readOne('-', STANDARD_INPUT, diag) : expand(path, diag).flatMap((file) => readOne(file, file, diag)),
  )
}

function expand(path: string, diag: Diagnostics): readonly string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [path]
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => TEXT_FILE.test(name))
    .sort()
  if (files.length === 0)
    diag.report({
      code: 'KM1001',
      severity: 'error',
      path: '',
      message: `the directory "${path}" has no .json, .yaml or .yml file`,
      fix: 'name the files themselves',
    })
  return files.map((name) => join(path, name))
}

function readOne(name: string, from: string | number, diag: Diagnostics): readonly Source[] {
  try {
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
