/**
 * The fixtures on disk. In: a directory of fixtures/ with snapshot files, and beside them options.json ({resolve, addresses, plaintextTo}) and
 * probes.jsonl (one probe a line). Out: what the compiler is given, and the probes. What is wrong with options.json goes to `diag`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AnalyseOptions } from '../../compiler/compile.ts'
import type { Diagnostics } from '../../compiler/diag/diagnostic.ts'
import type { Source } from '../../compiler/input/text.ts'
import { readResolution } from '../../compiler/resolve.ts'
import type { Probe } from './probe.ts'

export const FIXTURES = new URL('../../fixtures/', import.meta.url).pathname

export interface Fixture {
  readonly name: string
  readonly sources: readonly Source[]
  readonly options: AnalyseOptions
  readonly probes: readonly Probe[]
}

interface FixtureOptions {
  readonly resolve?: unknown
  readonly addresses?: readonly string[]
  readonly plaintextTo?: readonly 'istio'[]
}

const SNAPSHOT_FILE = /^snapshot.*\.(json|ya?ml|pb)$/

/** Names of all fixtures that have a snapshot file, in order. */
export function fixtureNames(): readonly string[] {
  return readdirSync(FIXTURES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && snapshotFiles(entry.name).length > 0)
    .map(({ name }) => name)
    .sort()
}

export function readFixture(name: string, diag: Diagnostics): Fixture {
  const directory = join(FIXTURES, name)
  const options = (optionalJson(join(directory, 'options.json')) ?? {}) as FixtureOptions
  return {
    name,
    sources: snapshotFiles(name).map((file) => ({ name: file, bytes: readFileSync(join(directory, file)) })),
    options: {
      resolve: readResolution(JSON.stringify(options.resolve ?? {}), 'options.json', diag),
      addresses: options.addresses ?? [],
      plaintextTo: new Set(options.plaintextTo ?? []),
      strict: false,
    },
    probes: lines(join(directory, 'probes.jsonl')).map((line) => JSON.parse(line) as Probe),
  }
}

/** A file of JSON; undefined where there is none. */
export function optionalJson(file: string): unknown {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

function snapshotFiles(fixture: string): readonly string[] {
  return readdirSync(join(FIXTURES, fixture))
    .filter((file) => SNAPSHOT_FILE.test(file))
    .sort()
}

function lines(file: string): readonly string[] {
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.trim() !== '')
    : []
}
