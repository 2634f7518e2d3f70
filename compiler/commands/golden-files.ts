/**
 * A golden directory on disk. In: its path. Out: cases, and their blessed files. Layout:
 *
 *   DIR/NAME/snapshot.json (or .yaml, several snapshot*.json, or a directory snapshot/)     DIR/NAME/options.json     DIR/NAME/tests.yaml
 *   DIR/NAME/blessed/*.txt
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Diagnostics } from '../diag/diagnostic.ts'
import { errorsOnly } from '../diag/errors-only.ts'
import type { GoldenCase } from '../golden.ts'
import { readCaseOptions } from '../golden/options.ts'
import { readResolution } from '../resolve.ts'
import { readSources, reason } from '../sources.ts'

const SNAPSHOT = /^snapshot.*\.(?:json|ya?ml|pb|bin)$/i
const SNAPSHOT_DIRECTORY = 'snapshot'
const TESTS = ['tests.yaml', 'tests.yml', 'tests.json']
const BLESSED = 'blessed'
const BLESSED_FILE = /\.txt$/

/** Names of the directories that have a snapshot, in order. */
export function caseNames(directory: string): readonly string[] {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return []
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && snapshotPaths(join(directory, entry.name)).length > 0)
    .map(({ name }) => name)
    .sort()
}

function snapshotPaths(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => (entry.isDirectory() ? entry.name === SNAPSHOT_DIRECTORY : SNAPSHOT.test(entry.name)))
    .map(({ name }) => name)
    .sort()
}

export function readCase(directory: string, name: string, diag: Diagnostics): GoldenCase {
  const at = join(directory, name)
  const relative = (file: string): string => (file.startsWith(`${at}/`) ? file.slice(at.length + 1) : file)
  const sources = readSources(
    snapshotPaths(at).map((file) => join(at, file)),
    diag,
  ).map((source) => ({ ...source, name: relative(source.name) }))
  const optionsFile = join(at, 'options.json')
  const options = readCaseOptions(existsSync(optionsFile) ? readFileSync(optionsFile, 'utf8') : undefined, optionsFile, diag)
  const testsFile = TESTS.map((file) => join(at, file)).find((file) => existsSync(file))
  const tests = testsFile === undefined ? undefined : readSources([testsFile], diag)[0]
  return {
    sources,
    options: {
      resolve: readResolution(JSON.stringify(options.resolve), optionsFile, errorsOnly(diag)),
      addresses: options.addresses,
      plaintextTo: new Set(options.plaintextTo),
      strict: false,
    },
    // the name alone, so that the blessed text does not depend on where the directory stands
    tests: tests === undefined ? undefined : { ...tests, name: relative(tests.name) },
  }
}

export function readBlessed(directory: string, name: string): ReadonlyMap<string, string> {
  const at = join(directory, name, BLESSED)
  if (!existsSync(at)) return new Map()
  const files = readdirSync(at).filter((file) => BLESSED_FILE.test(file))
  return new Map(files.map((file) => [file, readFileSync(join(at, file), 'utf8')]))
}

/** Writes what differs and removes what is stale; KM1802 when it cannot. */
export function writeBlessed(directory: string, name: string, files: ReadonlyMap<string, string>, diag: Diagnostics): void {
  const at = join(directory, name, BLESSED)
  try {
    mkdirSync(at, { recursive: true })
    for (const file of readBlessed(directory, name).keys()) if (!files.has(file)) rmSync(join(at, file))
    for (const [file, text] of files) writeFileSync(join(at, file), text)
  } catch (error) {
    diag.report({
      code: 'KM1802',
      severity: 'error',
      path: '',
      message: `"${at}" cannot be written: ${reason(error)}`,
      fix: 'check the directory, its permissions and the free space',
    })
  }
}
