/**
 * State of the world: every request names all resources that are wanted, every response of clusters or listeners holds all there are.
 * An acknowledgement is a request with the version and the nonce of the response; a refusal has the version accepted before, and the reason.
 */
import type { Collection, Wanted } from './collection.ts'
import { type Dialect, INTERNAL, type Received, type Session } from './dialect.ts'
import { type FetchKind, KINDS, type KindEntry, kindEntry, typeUrl } from './kinds.ts'
import { type DiscoveryRequest, type DiscoveryResponse, decodeResponse, type Node } from './messages.ts'

export const stateOfTheWorld: Dialect = {
  method: '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
  request: 'DiscoveryRequest',
  open: (collection, node, accepted) => new WorldSession(collection, node, accepted),
}

class WorldSession implements Session {
  private readonly collection: Collection
  private node: Node | undefined
  private readonly accepted: Map<string, string>
  /** what the server was told last, by kind */
  private readonly told = new Map<FetchKind, readonly string[]>()
  private readonly nonces = new Map<FetchKind, string>()

  constructor(collection: Collection, node: Node, accepted: Map<string, string>) {
    this.collection = collection
    this.node = node
    this.accepted = accepted
  }

  sync(): readonly DiscoveryRequest[] {
    const wanted = new Map(this.collection.subscriptions())
    return KINDS.flatMap((entry): readonly DiscoveryRequest[] => {
      const told = this.told.get(entry.kind)
      const names = namesOf(wanted.get(entry.kind))
      // no names would mean all: what was never asked for is not unsubscribed
      if (names === undefined && told === undefined) return []
      if (told !== undefined && same(told, names ?? [])) return []
      this.told.set(entry.kind, names ?? [])
      return [this.request(entry)]
    })
  }

  read(bytes: Uint8Array): Received | undefined {
    const response = decodeResponse<DiscoveryResponse>('DiscoveryResponse', bytes)
    const entry = KINDS.find((one) => typeUrl(one) === response.type_url)
    if (entry === undefined || !this.told.has(entry.kind)) return undefined
    this.nonces.set(entry.kind, response.nonce)
    return {
      entry,
      version: response.version_info,
      nonce: response.nonce,
      extent: entry.kind === 'eds' || entry.kind === 'rds' || entry.kind === 'ecds' ? 'part' : 'whole',
      arrivals: response.resources.map((packed) => ({ key: undefined, version: '', packed })),
      removed: [],
    }
  }

  accept({ entry, version }: Received): DiscoveryRequest {
    this.accepted.set(entry.kind, version)
    return this.request(entry)
  }

  refuse({ entry }: Received, reason: string): DiscoveryRequest {
    return { ...this.request(entry), error_detail: { code: INTERNAL, message: reason } }
  }

  private request(entry: KindEntry): DiscoveryRequest {
    const node = this.node
    this.node = undefined
    return {
      ...(node !== undefined && { node }),
      type_url: typeUrl(kindEntry(entry.kind)),
      resource_names: this.told.get(entry.kind) ?? [],
      version_info: this.accepted.get(entry.kind) ?? '',
      response_nonce: this.nonces.get(entry.kind) ?? '',
    }
  }
}

/** All is no name at all. */
function namesOf(wanted: Wanted | undefined): readonly string[] | undefined {
  return wanted === undefined ? undefined : wanted === 'all' ? [] : [...wanted].sort()
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index])
}
