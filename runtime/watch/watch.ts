/**
 * Follows a source: what appears there is applied. In: the source, how to apply, what is in force, the trust policy as it is now. Out: results, one at a time, each told once.
 *
 * Invariants: the best candidate that can be applied is in force, or was when somebody rolled it back; one that is at fault itself (KM90xx, rejected by the verifier) is
 * told once and not tried again until it, or the trust policy, changes; whatever else goes wrong is told once and tried again at every look. A delta is applied once what it leads on from
 * is in force: one after the other, where they were made from each other.
 */
import type { TrustPolicy } from '../../proto/signature/signature.ts'
import { CodedError, type Finding, warning } from '../coded-error.ts'
import type { InForce } from '../in-force.ts'
import { type Candidate, type OpenedCandidate, resultOf, type Source } from './source.ts'

export interface Watched {
  readonly source: Source
  /** read anew at every look: a key may be added or withdrawn */
  readonly policy: () => TrustPolicy | undefined
  readonly inForce: () => InForce | undefined
  /** Makes it the generation in force. Throws CodedError. */
  readonly apply: (opened: OpenedCandidate) => Promise<{ readonly generation: number; readonly warnings: readonly Finding[] }>
  /** what an exception means to the user; throws what is none of theirs */
  readonly findings: (error: unknown) => readonly Finding[]
}

export type WatchResult =
  | (Told & { readonly event: 'applied' | 'in-force' | 'held'; readonly generation: number; readonly digest: string } & Pick<
        OpenedCandidate,
        'signers' | 'moved'
      >)
  | (Told & { readonly event: 'refused' | 'failed' | 'waits' })
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
  const told = new Set<string>()
  /** deltas that do not lead on from what is in force, by identity: what was in force when they were looked at */
  const waiting = new Map<string, string | undefined>()
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
      const opened = await candidate.open(policy)
      const { signers, moved } = opened
      const digest = resultOf(opened)
      const told = { name, digest, signers, ...(moved === undefined ? {} : { moved }) }
      const before = watched.inForce()
      const milliseconds = (): number => performance.now() - start
      if (before?.digest === digest)
        return { event: 'in-force', ...told, generation: before.generation, milliseconds: milliseconds(), diagnostics: [] }
      if (settled === undefined && before?.rolledBack.has(digest) === true) {
        const why = warning('KM9503', `${digest} was rolled back; generation ${before.generation} stays in force`)
        return { event: 'held', ...told, generation: before.generation, milliseconds: milliseconds(), diagnostics: [why] }
      }
      if (opened.kind === 'delta' && !opened.delta.config.base.includes(before?.digest ?? '')) {
        waiting.set(candidate.identity, before?.digest)
        const why = warning(
          'KM9137',
          `the delta leads on from ${opened.delta.config.base.join(' or ')}; in force is ${before?.digest ?? 'nothing'}`,
        )
        return { event: 'waits', name, milliseconds: milliseconds(), diagnostics: [why] }
      }
      const { generation, warnings } = await watched.apply(opened)
      return { event: 'applied', ...told, generation, milliseconds: milliseconds(), diagnostics: warnings }
    } catch (error) {
      const diagnostics = watched.findings(error)
      const own = diagnostics.some(({ code }) => OWN_FAULT.test(code) && code !== POLICY_FAULT)
      return { event: own ? 'refused' : 'failed', name, milliseconds: performance.now() - start, diagnostics }
    }
  }

  const lookAt = async (candidates: readonly Candidate[], policy: TrustPolicy | undefined): Promise<readonly WatchResult[]> => {
    const results: WatchResult[] = []
    const later: Candidate[] = []
    /** `end`: nothing more is to be tried */
    const tried = async (candidate: Candidate): Promise<'goes-on' | 'done' | 'end'> => {
      const result = await take(candidate, policy)
      if (result.event === 'failed') {
        results.push(...complain(result))
        return 'end'
      }
      complaint = ''
      const isKnown = result.event === 'waits' && told.has(candidate.identity)
      if (!isKnown) results.push(result)
      if (result.event === 'waits') told.add(candidate.identity)
      if (result.event === 'refused') refused.add(candidate.identity)
      if (result.event === 'refused' || result.event === 'waits') return 'goes-on'
      settled = candidate.identity
      return 'done'
    }
    const current = watched.inForce()?.digest
    for (const candidate of candidates) {
      if (candidate.identity === settled) break
      if (refused.has(candidate.identity)) continue
      if (waiting.has(candidate.identity) && waiting.get(candidate.identity) === current) {
        later.unshift(candidate)
        continue
      }
      const outcome = await tried(candidate)
      if (outcome === 'end') return results
      if (outcome === 'done') break
      if (waiting.has(candidate.identity)) later.unshift(candidate)
    }
    // each may make what the next one leads on from
    for (const candidate of later) {
      if (waiting.get(candidate.identity) === watched.inForce()?.digest) continue
      if ((await tried(candidate)) === 'end') return results
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
        const there = new Set(candidates.map(({ identity }) => identity))
        for (const gone of [refused, waiting, told]) for (const identity of gone.keys()) if (!there.has(identity)) gone.delete(identity)
        if (candidates.length === 0) return complain({ event: 'nothing-there', diagnostics: [] })
        return await lookAt(candidates, policy)
      } catch (error) {
        if (!(error instanceof CodedError)) throw error
        return complain({ event: 'failed', name: '', milliseconds: 0, diagnostics: error.findings })
      }
    },
  }
}
