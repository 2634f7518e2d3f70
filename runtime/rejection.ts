/**
 * What a user sees when the kernel refuses a program. In: the failure, the artifact; out: a coded error that names the program, the xDS path whose
 * configuration needs it, and the end of the verifier's log.
 */
import { POLICIES, PROGRAM_POLICY } from '../proto/abi.ts'
import type { Artifact } from '../proto/artifact/format.ts'
import { CodedError, coded } from './coded-error.ts'
import { LoadError, UnknownMapError } from './sys/libbpf.ts'
import { isErrno } from './sys/system-error.ts'

const TAIL_LINES = 12
/** errno of a program that was looked at and turned down, apart from missing rights */
const REJECTIONS = ['EACCES', 'EINVAL', 'E2BIG', 'ENOSPC', 'EFAULT', 'ERANGE', 'ENOTSUPP', 'EOPNOTSUPP']

/** A rejection with the whole log, for --verbose. */
export class RejectedProgram extends CodedError {
  readonly program: string
  readonly log: string

  constructor(error: CodedError, program: string, log: string) {
    super(error.findings)
    this.program = program
    this.log = log
  }
}

/** Turns a failure to load `unit` into what the user sees; anything else is passed on as it is. */
export function loadFailure(error: unknown, unit: string, artifact: Artifact): unknown {
  const path = pathOfUnit(unit, artifact)
  if (error instanceof UnknownMapError)
    return coded('KM9110', `programs/${unit}.o declares the map "${error.map}", which no instance has`, { path })
  if (!(error instanceof LoadError)) {
    return isErrno(error, 'ELIBBPF', 'EINVAL', 'ENOENT')
      ? coded('KM9110', `programs/${unit}.o is no object of BPF programs: ${(error as Error).message}`, { path })
      : error
  }
  if (error.log === '' || error.program === undefined) {
    return isErrno(error, 'EPERM') ? error : coded('KM9110', `programs/${unit}.o: ${error.message}`, { path })
  }
  if (!isErrno(error, ...REJECTIONS)) return error
  const tail = logTail(error.log)
  const rejected = coded('KM9109', `the verifier rejects ${error.program} of programs/${unit}.o (${error.code}): ${tail.reason}`, { path })
  return new RejectedProgram(rejected, error.program, error.log)
}

/** The line that says what is wrong: the last one that is neither an instruction nor a count. */
function logTail(log: string): { readonly reason: string; readonly lines: readonly string[] } {
  const lines = log.split('\n').filter((line) => line.trim() !== '')
  const reason = lines.findLast(
    (line) => !/^(processed |verification time|stack depth|\d+: |; |from \d+|max_states|mark_precise|[0-9]+\/)/.test(line),
  )
  return { reason: reason?.trim() ?? 'no reason given', lines: lines.slice(-TAIL_LINES) }
}

/** The last lines of a log, for people. */
export function tailLines(log: string): readonly string[] {
  return logTail(log).lines
}

/** The first xDS path whose configuration needs the unit; '' for the base object, which every artifact has. */
export function pathOfUnit(unit: string, artifact: Artifact): string {
  const paths = sourceMap(artifact)
  const own = paths[`unit:${unit}`]
  if (own !== undefined) return own
  const slots = artifact.config.programs.find((candidate) => candidate.unit === unit)?.slots ?? []
  const slot = slots[0]?.slot
  if (slot === undefined) return ''
  if (slot < PROGRAM_POLICY) return paths['listener:0'] ?? ''
  const policy = POLICIES[slot - PROGRAM_POLICY]
  const cluster = artifact.names.clusters.findIndex((candidate) => candidate.policy === policy)
  return paths[`cluster:${cluster}`] ?? ''
}

function sourceMap(artifact: Artifact): Readonly<Record<string, string>> {
  const bytes = artifact.sources.get('source-map.json') ?? artifact.sources.get('sources/source-map.json')
  if (bytes === undefined) return {}
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, string>) : {}
  } catch {
    return {}
  }
}
