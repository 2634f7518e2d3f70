/**
 * Follows a source: what appears there is applied. In: the source, how to apply, what is in force, the trust policy as it is now. Out: results, one at a time, each told once.
 *
 * Invariants: the best candidate that can be applied is in force, or was when somebody rolled it back; one that is at fault itself (KM90xx, rejected by the verifier) is
 * told once and not tried again until it, or the trust policy, changes; whatever else goes wrong is told once and tried again at every look.
 */
import type { TrustPolicy } from '../../proto/signature/signature.ts'
import { CodedError, type Finding, warning } from '../coded-error.ts'
import type { InForce } from '../in-force.ts'
import type { Candidate, OpenedCandidate, Source } from './source.ts'

export interface Watched {
  readonly source: Source
  /** read anew at every look: a key may be added or withdrawn */
  readonly policy: () => TrustPolicy | undefined
  readonly inForce: () => InForce | undefined
  /** Makes it the generation in force. Throws CodedError. */
  readonly apply: (artifact: OpenedCandidate['artifact']) => Promise<{ readonly generation: number; readonly warnings: readonly Finding[] }>
  /** what an exception means to the user; throws what is none of theirs */
  readonly findings: (error: unknown) => readonly Finding[]
}

export type WatchResult =
  | (Told & { readonly event: 'applied' | 'in-force' | 'held'; readonly generation: number; readonly digest: string } & Pick<
        OpenedCandidate,
        'signers' | 'moved'
      >)
  | (Told & { readonly event: 'refused' | 'failed' })
  | { readonly event: 'nothing-there'; readonly diagnostics: readonly Finding[] }

interface Told {
  readonly name: string
  /** of reading, or of reading and applying */
  readonly milliseconds: number
  readonly diagnostics: readonly Finding[]
}

export interface Watch {
  /** Looks once. Out: what there is to tell that was not told before, in order. */
  look(): Promise<readonly WatchResult[]>
}

/** Of the artifact itself, whatever node it is applied to: reading it, KM9109 and KM9110 when its programs are loaded. */
const OWN_FAULT = /^KM(?:90\d\d|9109|9110)$/
/** that the policy cannot be used is no artifact's fault */
const POLICY_FAULT = 'KM9016'

export function startWatch(watched: Watched): Watch {
  /** identity of the candidate that needs nothing more */
  let settled: string | undefined
  const refused = new Set<string>()
  let trusted = ''
  let complaint = ''

  /** Told once as long as it stays the same. */
  const complain = (result: WatchResult): readonly WatchResult[] => {
    const text = JSON.stringify([result.event, result.diagnostics])
    if (text === complaint) return []
    complaint = text
    return [result]
  }

  const take = async (candidate: Candidate, policy: TrustPolicy | undefined): Promise<WatchResult> => {
    const start = performance.now()
    const { name } = candidate
    try {
      const { artifact, ...read } = await candidate.open(policy)
      const told = { name, digest: artifact.digest, ...read }
      const before = watched.inForce()
      const milliseconds = (): number => performance.now() - start
      if (before?.digest === artifact.digest)
        return { event: 'in-force', ...told, generation: before.generation, milliseconds: milliseconds(), diagnostics: [] }
      if (settled === undefined && before?.rolledBack.has(artifact.digest) === true) {
        const why = warning('KM9503', `${artifact.digest} was rolled back; generation ${before.generation} stays in force`)
        return { event: 'held', ...told, generation: before.generation, milliseconds: milliseconds(), diagnostics: [why] }
      }
      const { generation, warnings } = await watched.apply(artifact)
      return { event: 'applied', ...told, generation, milliseconds: milliseconds(), diagnostics: warnings }
    } catch (error) {
      const diagnostics = watched.findings(error)
      const own = diagnostics.some(({ code }) => OWN_FAULT.test(code) && code !== POLICY_FAULT)
      return { event: own ? 'refused' : 'failed', name, milliseconds: performance.now() - start, diagnostics }
    }
  }

  const lookAt = async (candidates: readonly Candidate[], policy: TrustPolicy | undefined): Promise<readonly WatchResult[]> => {
    const results: WatchResult[] = []
    for (const candidate of candidates) {
      if (candidate.identity === settled) return results
      if (refused.has(candidate.identity)) continue
      const result = await take(candidate, policy)
      if (result.event === 'failed') return [...results, ...complain(result)]
      complaint = ''
      results.push(result)
      if (result.event !== 'refused') {
        settled = candidate.identity
        return results
      }
      refused.add(candidate.identity)
    }
    return results
  }

  return {
    look: async () => {
      try {
        const policy = watched.policy()
        const fingerprint = JSON.stringify(policy?.keys.map(({ id }) => id))
        if (fingerprint !== trusted) refused.clear()
        trusted = fingerprint
        const candidates = await watched.source.candidates()
        for (const identity of refused) if (!candidates.some((one) => one.identity === identity)) refused.delete(identity)
        if (candidates.length === 0) return complain({ event: 'nothing-there', diagnostics: [] })
        return await lookAt(candidates, policy)
      } catch (error) {
        if (!(error instanceof CodedError)) throw error
        return complain({ event: 'failed', name: '', milliseconds: 0, diagnostics: error.findings })
      }
    },
  }
}
