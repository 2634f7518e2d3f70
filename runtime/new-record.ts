/** The record of a generation about to be switched to. In: what was made for it; out: the row of km_record. */
import { chain, cluster, RECORD_DIVERTED_PASS, RECORD_HAS_TCP, RECORD_HAS_UDP } from '../proto/abi.ts'
import type { ApplyRequest } from './apply-request.ts'
import type { FreePlaces } from './generation.ts'
import type { GenerationRecord } from './record.ts'

export interface NewRecord {
  readonly request: ApplyRequest
  readonly places: FreePlaces
  readonly kept: readonly GenerationRecord[]
  readonly namesBytes: number
}

export function newRecord({ request, places, kept, namesBytes }: NewRecord): GenerationRecord {
  const { artifact, diverted } = request
  const { protocols } = artifact.config
  const newest = kept.reduce((most, record) => (record.generation > most ? record.generation : most), 0n)
  return {
    ...places,
    state: 'live',
    generation: newest + 1n,
    flags:
      (diverted === 'pass' ? RECORD_DIVERTED_PASS : 0) |
      (protocols.includes('tcp') ? RECORD_HAS_TCP : 0) |
      (protocols.includes('udp') ? RECORD_HAS_UDP : 0),
    clusters: artifact.tables.cluster.length / cluster.size,
    chains: artifact.tables.chain.length / chain.size,
    namesBytes,
    appliedAt: Math.floor(Date.now() / 1000),
    digest: Buffer.from(artifact.digest.replace(/^sha256:/, ''), 'hex'),
  }
}
