/** Tables as `compare.ts` reads them. In: an artifact, or the generation in force; out: the same shape. */
import { listenerKey, matchKey } from '../../proto/abi.ts'
import type { Artifact } from '../../proto/artifact/format.ts'
import { type OpenInstance, readGeneration, readListeners } from '../held-generation.ts'
import type { Described } from './compare.ts'

/** Of an artifact every version of a cluster is visible. */
const ANY_GENERATION = 0xffffffffffffffffn

export function describeArtifact({ tables, names }: Artifact): Described {
  return {
    tables: { record: { generation: ANY_GENERATION }, names, cluster: asBuffer(tables.cluster), endpoint: asBuffer(tables.endpoint) },
    listeners: {
      listeners: entries(tables.listenerKeys, tables.listenerValues, listenerKey.size),
      matches: entries(tables.matchKeys, tables.matchValues, matchKey.size),
      chain: asBuffer(tables.chain),
    },
  }
}

export function describeHeld(open: OpenInstance): Described {
  const held = readGeneration(open)
  return { tables: held, listeners: readListeners(open, held.record) }
}

function entries(keys: Uint8Array, values: Uint8Array, keySize: number) {
  return { keys: asBuffer(keys), values: asBuffer(values), count: keys.length / keySize }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
