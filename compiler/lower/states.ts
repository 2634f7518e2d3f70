/**
 * Who owns a piece of kernel state. In: kinds, names and addresses of a plan. Out: local state indices (1, 2, ...) and the 16-byte
 * owner keys that the runtime turns into stable ids. The same owner asked for twice gets the same index; index 0 stays unused.
 */
import { OWNER_KEY_BYTES, ownerKey } from '../../proto/owner-key.ts'
import { createHashIndex } from './hash-index.ts'

/** What a balance policy may ask state for, inside one cluster. */
export interface StateAllocator {
  /** a round-robin position; `detail` tells the cursors of one cluster apart */
  cursor(kind: string, detail: string): number
  /** counters of one endpoint by its "ip:port" text */
  endpoint(address: string): number
}

export interface StateTable {
  listener(name: string): number
  cluster(name: string): number
  /** counters of one route of one connection manager */
  route(service: string, virtualHost: string, route: string): number
  /** the token bucket of a rate limit of one connection manager */
  bucket(service: string, path: string): number
  /** `subset`: of its endpoints; they share their counters, not their cursors */
  within(cluster: string, subset?: string): StateAllocator
  /** owner keys by index, index 0 all zero */
  readonly keys: Uint8Array
  readonly count: number
}

export function createStateTable(): StateTable {
  /** by owner key: a hundred thousand owners are long texts */
  const indices = createHashIndex()
  let keys = new Uint8Array(1024 * OWNER_KEY_BYTES)
  let next = 1
  const own = (kind: string, name: string, detail: string): number => {
    const key = ownerKey(kind, name, detail)
    const hash = ((key[0] ?? 0) | ((key[1] ?? 0) << 8) | ((key[2] ?? 0) << 16) | ((key[3] ?? 0) << 24)) >>> 0
    const known = indices.find(hash, (index) => isKeyAt(keys, index, key))
    if (known !== undefined) return known
    if ((next + 1) * OWNER_KEY_BYTES > keys.length) {
      const grown = new Uint8Array(keys.length * 2)
      grown.set(keys)
      keys = grown
    }
    keys.set(key, next * OWNER_KEY_BYTES)
    indices.add(hash, next)
    return next++
  }
  return {
    listener: (name) => own('listener', name, ''),
    cluster: (name) => own('cluster', name, ''),
    route: (service, virtualHost, route) => own('route', service, `${virtualHost}\0${route}`),
    bucket: (service, path) => own('bucket', service, path),
    within: (cluster, subset) => ({
      cursor: (kind, detail) => own(`cursor:${kind}`, cluster, subset === undefined ? detail : `${detail}\0${subset}`),
      endpoint: (address) => own('endpoint', cluster, address),
    }),
    get keys() {
      return keys.subarray(0, next * OWNER_KEY_BYTES)
    },
    get count() {
      return next
    },
  }
}

function isKeyAt(keys: Uint8Array, index: number, key: Uint8Array): boolean {
  for (let at = 0; at < OWNER_KEY_BYTES; at++) if (keys[index * OWNER_KEY_BYTES + at] !== key[at]) return false
  return true
}
