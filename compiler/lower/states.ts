/**
 * Who owns a piece of kernel state. In: kinds, names and addresses of a plan. Out: local state indices (1, 2, ...) and the 16-byte
 * owner keys that the runtime turns into stable ids. The same owner asked for twice gets the same index; index 0 stays unused.
 */
import * as crypto from 'node:crypto'

export const OWNER_KEY_BYTES = 16

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
  within(cluster: string): StateAllocator
  /** owner keys by index, index 0 all zero */
  readonly keys: Uint8Array
  readonly count: number
}

export function createStateTable(): StateTable {
  const indices = new Map<string, number>()
  let keys = new Uint8Array(1024 * OWNER_KEY_BYTES)
  let next = 1
  const own = (kind: string, name: string, detail: string): number => {
    const owner = `${kind}\0${name}\0${detail}`
    const known = indices.get(owner)
    if (known !== undefined) return known
    if ((next + 1) * OWNER_KEY_BYTES > keys.length) {
      const grown = new Uint8Array(keys.length * 2)
      grown.set(keys)
      keys = grown
    }
    keys.set(sha256(owner).subarray(0, OWNER_KEY_BYTES), next * OWNER_KEY_BYTES)
    indices.set(owner, next)
    return next++
  }
  return {
    listener: (name) => own('listener', name, ''),
    cluster: (name) => own('cluster', name, ''),
    route: (service, virtualHost, route) => own('route', service, `${virtualHost}\0${route}`),
    bucket: (service, path) => own('bucket', service, path),
    within: (cluster) => ({
      cursor: (kind, detail) => own(`cursor:${kind}`, cluster, detail),
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

/** The one-shot form, from Node 20.12 on, costs half as much; a large snapshot asks a hundred thousand times. */
const oneShot = (crypto as { hash?: (algorithm: string, data: string, encoding: 'buffer') => Uint8Array }).hash
function sha256(text: string): Uint8Array {
  return oneShot?.('sha256', text, 'buffer') ?? crypto.createHash('sha256').update(text).digest()
}
