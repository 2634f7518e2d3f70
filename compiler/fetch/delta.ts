/**
 * Delta: requests say which names are added and dropped, responses what changed and what is gone. A new stream begins with the versions that are held.
 */
import type { Collection, Wanted } from './collection.ts'
import { type Dialect, INTERNAL, type Received, type Session } from './dialect.ts'
import { type FetchKind, KINDS, typeUrl } from './kinds.ts'
import { type DeltaDiscoveryRequest, type DeltaDiscoveryResponse, decodeResponse, type Node } from './messages.ts'

export const delta: Dialect = {
  method: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
  request: 'DeltaDiscoveryRequest',
  open: (collection, node) => new DeltaSession(collection, node),
}

class DeltaSession implements Session {
  private readonly collection: Collection
  private node: Node | undefined
  private readonly told = new Map<FetchKind, Wanted>()

  constructor(collection: Collection, node: Node) {
    this.collection = collection
    this.node = node
  }

  sync(): readonly DeltaDiscoveryRequest[] {
    const wanted = new Map(this.collection.subscriptions())
    return KINDS.flatMap(({ kind, type }): readonly DeltaDiscoveryRequest[] => {
      const told = this.told.get(kind)
      const now = wanted.get(kind)
      if (now === undefined && told === undefined) return []
      const before = named(told)
      const after = named(now)
      const subscribe = [...after].filter((name) => !before.has(name)).sort()
      const unsubscribe = [...before].filter((name) => !after.has(name)).sort()
      if (told !== undefined && subscribe.length === 0 && unsubscribe.length === 0) return []
      this.told.set(kind, now ?? new Set())
      const node = this.node
      this.node = undefined
      return [
        {
          ...(node !== undefined && { node }),
          type_url: typeUrl({ type }),
          // the first request without names stands for all there are
          resource_names_subscribe: subscribe,
          resource_names_unsubscribe: unsubscribe,
          ...(told === undefined && { initial_resource_versions: this.versions(kind) }),
        },
      ]
    })
  }

  read(bytes: Uint8Array): Received | undefined {
    const response = decodeResponse<DeltaDiscoveryResponse>('DeltaDiscoveryResponse', bytes)
    const entry = KINDS.find((one) => typeUrl(one) === response.type_url)
    if (entry === undefined || !this.told.has(entry.kind)) return undefined
    return {
      entry,
      version: response.system_version_info,
      nonce: response.nonce,
      extent: 'part',
      // a resource without content only renews its time to live
      arrivals: response.resources.flatMap(({ name, version, resource }) =>
        resource === null || resource === undefined ? [] : [{ key: name, version, packed: resource }],
      ),
      removed: response.removed_resources,
    }
  }

  accept({ entry, nonce }: Received): DeltaDiscoveryRequest {
    return { type_url: typeUrl(entry), response_nonce: nonce }
  }

  refuse({ entry, nonce }: Received, reason: string): DeltaDiscoveryRequest {
    return { type_url: typeUrl(entry), response_nonce: nonce, error_detail: { code: INTERNAL, message: reason } }
  }

  private versions(kind: FetchKind): Readonly<Record<string, string>> {
    return Object.fromEntries(this.collection.held(kind).map(({ key, version }) => [key, version]))
  }
}

function named(wanted: Wanted | undefined): ReadonlySet<string> {
  return wanted === undefined || wanted === 'all' ? new Set() : wanted
}
