/**
 * Which holder fits which runtime: one that was built for the same messages and the same maps. In: nothing; out: 32 bytes that both say at hello.
 */
import { createHash } from 'node:crypto'
import { abiDigest } from '../../proto/artifact/abi-digest.ts'
import { HOLDER_COUNTERS, HOLDER_MESSAGES, HOLDER_ROLES, holderMessage } from '../../proto/http/holder-protocol.ts'

export function holderDigest(): Buffer {
  const parts = [HOLDER_MESSAGES, HOLDER_ROLES, HOLDER_COUNTERS, holderMessage, abiDigest()]
  return createHash('sha256').update(JSON.stringify(parts)).digest()
}
