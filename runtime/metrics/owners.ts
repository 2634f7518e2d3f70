/**
 * Who the rows of km_state belong to, by name. In: an instance and its generations; out: each owner once, with the labels of its series. The generation in force comes first: what it calls an owner counts.
 * A generation never changes, so what it says is remembered by its number.
 */
import type { OwnerKind } from '../../proto/owner-key.ts'
import { endpoint as endpointLayout } from '../../proto/abi.ts'
import { fieldOf, viewOf } from '../field.ts'
import type { Pins } from '../pins.ts'
import type { GenerationRecord } from '../record.ts'
import { placeText } from '../socket-address.ts'
import { endpointTables } from '../turn.ts'
import { namesOf, shownRecords } from '../visible-states.ts'
import { versionOf, walkEndpoints } from '../walk.ts'

export interface Owner {
  readonly kind: OwnerKind
  readonly state: number
  /** values of the labels of its families */
  readonly labels: readonly string[]
}

export interface OwnerNames {
  /** By state id. */
  of(pins: Pins, records: readonly GenerationRecord[]): ReadonlyMap<number, Owner>
}

const STATE = fieldOf(endpointLayout, 'state').offset
const PORT = fieldOf(endpointLayout, 'port').offset

export function createOwnerNames(): OwnerNames {
  let known = new Map<string, readonly Owner[]>()
  return {
    of(pins, records) {
      const shown = [...shownRecords(records)].sort((a, b) => rank(b) - rank(a))
      const next = new Map<string, readonly Owner[]>()
      const owners = new Map<number, Owner>()
      for (const record of shown) {
        const key = `${record.generation} ${Buffer.from(record.digest).toString('hex')}`
        const found = known.get(key) ?? ownersOf(pins, record)
        next.set(key, found)
        for (const owner of found) if (!owners.has(owner.state)) owners.set(owner.state, owner)
      }
      known = next
      return owners
    },
  }
}

/** The one in force first, then the newest. */
function rank({ state, generation }: GenerationRecord): number {
  return state === 'live' ? Number.MAX_SAFE_INTEGER : Number(generation)
}

function ownersOf(pins: Pins, record: GenerationRecord): readonly Owner[] {
  const { listeners, clusters, services } = namesOf(pins, record)
  const owners: Owner[] = []
  const add = (kind: OwnerKind, state: number, labels: readonly string[]): void => {
    if (state !== 0) owners.push({ kind, state, labels })
  }
  for (const { name, state, protocol } of listeners) add('listener', state, [name, protocol])
  for (const { name, state } of clusters) add('cluster', state, [name])
  for (const { listener, routes } of services)
    for (const { state, virtualHost, name, path, lane } of routes)
      add('route', state, [listener, virtualHost, name === '' ? path : name, lane === 'slow' ? 'user_space' : lane])
  const tables = endpointTables(pins, record)
  const rows = viewOf(tables.endpoint)
  for (const [index, { name }] of clusters.entries()) {
    const version = versionOf(tables.cluster, index, record.generation)
    if (version === null) continue
    walkEndpoints(rows, version, {
      endpoint: (row) => {
        const place = { address: tables.endpoint.subarray(row, row + 16), port: rows.getUint16(row + PORT, true) }
        add('endpoint', rows.getUint32(row + STATE, true), [name, placeText(place)])
      },
    })
  }
  return owners
}
