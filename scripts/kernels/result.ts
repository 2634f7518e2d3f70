/** What a kernel did. In: output of guest/job.mjs. Out: results, and what is wrong with them. */
import type { KernelProof } from '../../proto/artifact/proof.ts'
import type { Ask } from './ask.ts'
import type { MatrixArtifact } from './world.ts'

export interface GuestResult {
  /** uname -r */
  readonly kernel: string
  /** of the artifact */
  readonly name: string
  readonly applied: boolean
  /** of the command */
  readonly seconds: number
  /** milliseconds by phase, as apply reports them */
  readonly times?: Readonly<Record<string, number>>
  readonly programs: readonly { readonly program: string; readonly verifiedInstructions: number; readonly instructions?: number }[]
  readonly errors: readonly string[]
  /** for each question, how often which answer came */
  readonly answers: readonly Readonly<Record<string, number>>[]
  /** the end of the verifier's log */
  readonly log?: string
}

export function readResults(output: string): readonly GuestResult[] {
  return linesOf(output, 'RESULT ').map((line) => JSON.parse(line) as GuestResult)
}

/** None: a program was refused, or `prove` was not heard of. */
export function readProof(output: string): readonly KernelProof[] {
  return linesOf(output, 'PROOF ').flatMap((line) => JSON.parse(line) as readonly KernelProof[])
}

function linesOf(output: string, word: string): readonly string[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith(word))
    .map((line) => line.slice(word.length))
}

/** Lines; none: as it should be. */
export function wrongIn(result: GuestResult | undefined, artifact: Pick<MatrixArtifact, 'asks'>): readonly string[] {
  if (result === undefined) return ['nothing was heard of it']
  return [...result.errors, ...artifact.asks.flatMap((ask, index) => wrongAnswer(ask, result.answers[index]))]
}

function wrongAnswer(
  { address, port, path, times, answers }: Ask,
  counts: Readonly<Record<string, number>> | undefined,
): readonly string[] {
  if (counts === undefined) return []
  const came = Object.keys(counts)
  const right =
    answers.length === 0
      ? came.length === 1 && /\d+\.\d+\.\d+\.\d+$/.test(came[0] ?? '')
      : came.every((answer) => answers.includes(answer)) && answers.every((answer) => came.includes(answer))
  return right ? [] : [`${address}:${port}${path}: ${JSON.stringify(counts)} of ${times}, not ${answers.join(' or ') || 'one server'}`]
}
