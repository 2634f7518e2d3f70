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

/** Reads a file, by name or descriptor; may throw. */
export type ReadFile = (from: string | number) => Uint8Array

export function readSources(paths: readonly string[], diag: Diagnostics, read: ReadFile = (from) => readFileSync(from)): readonly Source[] {
  return paths.flatMap((path) =>
    path === '-' ? readOne('-', STANDARD_INPUT, diag, read) : expand(path, diag).flatMap((file) => readOne(file, file, diag, read)),
  )
}

/** The files of a directory, with the directory; undefined for what is none. */
export function filesOf(path: string): readonly string[] | undefined {
  if (!isDirectory(path)) return undefined
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => SNAPSHOT_FILE.test(name))
    .sort()
    .map((name) => join(path, name))
}

/** What cannot be looked at is none; reading it tells why. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

function expand(path: string, diag: Diagnostics): readonly string[] {
  const files = filesOf(path)
  if (files === undefined) return [path]
  if (files.length === 0)
    diag.report({
      code: 'KM1001',
      severity: 'error',
      path: '',
      message: `the directory "${path}" has no .json, .yaml, .yml, .pb or .bin file`,
      fix: 'name the files themselves',
    })
  return files
}

function readOne(name: string, from: string | number, diag: Diagnostics, read: ReadFile): readonly Source[] {
  try {
    const { size } = typeof from === 'number' ? fstatSync(from) : statSync(from)
    // so that what is refused for its size is not read first
    if (size > TEXT_LIMIT) {
      diag.report({ code: 'KM1007', severity: 'error', path: '', ...tooLong(size), file: name, line: 1, column: 1 })
      return []
    }
    return [{ name, bytes: read(from) }]
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
