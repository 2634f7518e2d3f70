/** The record of a generation about to be switched to. In: what was made for it; out: the row of km_record. */
import { chain, cluster, RECORD_DIVERTED_PASS, RECORD_HAS_TCP, RECORD_HAS_UDP, ROW_SIZE } from '../proto/abi.ts'
import type { ApplyRequest } from './apply-request.ts'
import type { FreePlaces } from './generation.ts'
import type { GenerationRecord } from './record.ts'

/** Longest that all probes of an apply may take. */
export const PROBE_SECONDS = 120

/** Unix seconds until which it is taken back should this process die, probing or waiting for a confirmation; 0: never. */
export function firstDeadline({ probe, confirmBy = 0 }: Pick<ApplyRequest, 'probe' | 'confirmBy'>): number {
  return probe === undefined ? confirmBy : Math.floor(Date.now() / 1000) + PROBE_SECONDS
}

export interface NewRecord {
  readonly request: ApplyRequest
  readonly places: FreePlaces
  /** its number */
  readonly generation: bigint
  readonly namesBytes: number
}

export function newRecord({ request, places, generation, namesBytes }: NewRecord): GenerationRecord {
  const { artifact, diverted } = request
  const { protocols } = artifact.config
  return {
    ...places,
    state: 'building',
    generation,
    flags:
      (diverted === 'pass' ? RECORD_DIVERTED_PASS : 0) |
      (protocols.includes('tcp') ? RECORD_HAS_TCP : 0) |
      (protocols.includes('udp') ? RECORD_HAS_UDP : 0),
    clusters: artifact.tables.cluster.length / cluster.size,
    chains: artifact.tables.chain.length / chain.size,
    namesBytes,
    appliedAt: Math.floor(Date.now() / 1000),
    digest: Buffer.from(artifact.digest.replace(/^sha256:/, ''), 'hex'),
    confirmBy: firstDeadline(request),
    rows: artifact.tables.endpoint.length / ROW_SIZE,
  }
}
