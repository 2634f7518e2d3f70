/** What commands that read a snapshot have in common. In: options of the command line. Out: sources and parse options; findings go to `diag`. */
import { readFileSync } from 'node:fs'
import type { AnalyseOptions } from '../compile.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Source } from '../input/text.ts'
import { readResolution } from '../resolve.ts'
import { readSources, reason } from '../sources.ts'
import { spareMemory } from './spare-memory.ts'

export interface SnapshotArguments {
  readonly snapshot: readonly string[]
  readonly resolve?: string | undefined
  readonly address: readonly string[]
  readonly plaintextTo?: 'istio' | undefined
  readonly strict: boolean
  readonly json: boolean
}

export function openSnapshot(
  args: SnapshotArguments,
  diag: Diagnostics,
): { readonly sources: readonly Source[]; readonly options: AnalyseOptions } {
  const sources = readSources(args.snapshot, diag)
  spareMemory(sources)
  return { sources, options: analyseOptions(args, diag) }
}

export function analyseOptions(args: Omit<SnapshotArguments, 'snapshot' | 'json'>, diag: Diagnostics): AnalyseOptions {
  return {
    resolve: args.resolve === undefined ? new Map() : resolution(args.resolve, diag),
    addresses: args.address,
    plaintextTo: new Set(args.plaintextTo === undefined ? [] : [args.plaintextTo]),
    strict: args.strict,
  }
}

function resolution(file: string, diag: Diagnostics): AnalyseOptions['resolve'] {
  try {
    return readResolution(readFileSync(file, 'utf8'), file, diag)
  } catch (error) {
    diag.report({
      code: 'KM1801',
      severity: 'error',
      path: '',
      message: `"${file}" cannot be read: ${reason(error)}`,
      fix: 'check the name and the permissions',
    })
    return new Map()
  }
}
