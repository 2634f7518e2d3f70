/**
 * Endpoints that a generation has and the next one has not. In: km_cluster and km_endpoint tables of both; out: address and port of those that
 * left, each once, so that UDP sockets connected to them can be released (pitfall 21) and apply can count endpoints.
 */
import { endpoint as layout } from '../proto/abi.ts'
import { fieldOf, viewOf } from './field.ts'
import { clusterCount, versionOf, walkEndpoints } from './walk.ts'

export interface EndpointTables {
  readonly cluster: Uint8Array
  readonly endpoint: Uint8Array
  readonly generation: bigint
}

export interface DepartedEndpoint {
  /** 16 bytes, IPv4-mapped or IPv6 */
  readonly address: Uint8Array
  readonly port: number
}

const PORT = fieldOf(layout, 'port').offset
const ADDRESS = fieldOf(layout, 'address').offset
const STATE = fieldOf(layout, 'state').offset

export function countEndpoints(tables: EndpointTables): number {
  let count = 0
  eachEndpoint(tables, () => {
    count++
  })
  return count
}

export function departedEndpoints(before: EndpointTables, after: EndpointTables): readonly DepartedEndpoint[] {
  const staying = new Set<string>()
  const key = (tables: EndpointTables, row: number): string => {
    const bytes = Buffer.from(tables.endpoint.buffer, tables.endpoint.byteOffset + row)
    return bytes.toString('latin1', ADDRESS, ADDRESS + 16) + String(bytes.readUInt16LE(PORT))
  }
  eachEndpoint(after, (row) => staying.add(key(after, row)))
  const departed: DepartedEndpoint[] = []
  eachEndpoint(before, (row) => {
    const own = key(before, row)
    if (staying.has(own)) return
    staying.add(own)
    const address = Uint8Array.from(before.endpoint.subarray(row + ADDRESS, row + ADDRESS + 16))
    departed.push({ address, port: viewOf(before.endpoint).getUint16(row + PORT, true) })
  })
  return departed
}

/** State ids of all endpoints that may be chosen. */
export function endpointStates(tables: EndpointTables): ReadonlySet<number> {
  const view = viewOf(tables.endpoint)
  const ids = new Set<number>()
  eachEndpoint(tables, (row) => ids.add(view.getUint32(row + STATE, true)))
  return ids
}

/** Address and port of every endpoint that may be chosen, repetitions included. */
export function endpointPlaces(tables: EndpointTables): readonly DepartedEndpoint[] {
  const view = viewOf(tables.endpoint)
  const places: DepartedEndpoint[] = []
  eachEndpoint(tables, (row) => {
    places.push({ address: tables.endpoint.subarray(row + ADDRESS, row + ADDRESS + 16), port: view.getUint16(row + PORT, true) })
  })
  return places
}

function eachEndpoint(tables: EndpointTables, visit: (row: number) => void): void {
  const view = viewOf(tables.endpoint)
  const clusters = clusterCount(tables.cluster)
  for (let index = 0; index < clusters; index++) {
    const version = versionOf(tables.cluster, index, tables.generation)
    if (version !== null) walkEndpoints(view, version, { endpoint: visit })
  }
}
