/**
 * Programs of services that have one address and one round-robin cluster each, and their lowering with equal weights: no snapshot needed.
 * In: services with their endpoints. Out: a Program, and what `toPlan` wants besides. Invariant: endpoint rows stand in the order given.
 */
import type { Action, Balance, Cluster, Listener, Program } from '../../compiler/ir/program.ts'
import { lowerServices } from '../../compiler/lower/http/lower-services.ts'
import type { Lowering } from '../../compiler/lower/to-plan.ts'
import { endpoint, GROUP_EQUAL, group, ROW_SIZE, tier } from '../../proto/abi.ts'
import { type Field, type Layout, put } from '../../proto/layout.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'

export interface SmallService {
  readonly name: string
  readonly listener: string
  readonly address: string
  readonly port: number
  readonly protocol?: 'tcp' | 'udp'
  /** "a.b.c.d:port" */
  readonly endpoints: readonly string[]
  readonly maxConnections?: number
}

const BALANCE: Balance = {
  policy: { name: 'ROUND_ROBIN' },
  priorities: [],
  overprovisioningFactor: 140,
  panicThreshold: 50,
  failTrafficOnPanic: false,
  localityWeighted: false,
  weightedPriorityHealth: false,
}

/** 16 bytes of an address that a test wrote. */
export function ipOf(text: string): Uint8Array {
  const address = parseIp(text)
  if (address === undefined) throw new Error(`"${text}" is no address`)
  return address
}

export const smallCluster = (name: string, maxConnections = 1024): Cluster => ({
  name,
  path: `cds["${name}"]`,
  target: { kind: 'balance', balance: BALANCE },
  maxConnections,
})

export const toCluster = (cluster: number): Action => ({ kind: 'cluster', path: '', cluster, hash: { kind: 'none' } })

export const smallListener = (name: string, address: string, port: number, action: Action): Listener => ({
  name,
  path: `lds["${name}"]`,
  protocol: 'tcp',
  keys: [{ kind: 'exact', address: ipOf(address), port }],
  chains: [{ path: '', prefixes: [], action }],
  fallback: { kind: 'refuse', path: '', reason: 'no_filter_chain' },
})

export function smallProgram(services: readonly SmallService[]): Program {
  return {
    services: [],
    clusters: services.map(({ name, maxConnections }) => smallCluster(name, maxConnections)),
    listeners: services.map(({ listener, address, port, protocol = 'tcp' }, index) => ({
      ...smallListener(listener, address, port, toCluster(index)),
      protocol,
    })),
  }
}

/** Of a smallProgram's clusters, in their order. */
export function smallLowering(services: readonly SmallService[]): Lowering {
  let next = 0
  return {
    balance: (_, states) => {
      const { endpoints } = services[next++] as SmallService
      const count = endpoints.length
      const rows = new Uint8Array((2 + count) * ROW_SIZE)
      const view = new DataView(rows.buffer)
      const relocations: number[] = []
      const write = (row: number, layout: Layout, values: Readonly<Record<string, number>>): void => {
        for (const [key, value] of Object.entries(values)) put(view, row * ROW_SIZE, field(layout, key), value)
      }
      const own = (row: number, layout: Layout, key: string, state: number): void => {
        write(row, layout, { [key]: state })
        relocations.push(row * ROW_SIZE + field(layout, key).offset)
      }
      write(0, tier, { upto: 100, group: 1, groups: 1, total: 1, stride: 1 })
      write(1, group, { upto: 1, first: 2, count, total: count, stride: 1, flags: GROUP_EQUAL })
      own(1, group, 'cursor', states.cursor('group', '0'))
      for (const [index, text] of endpoints.entries()) {
        const [address, port] = text.split(':') as [string, string]
        rows.set(ipOf(address), (index + 2) * ROW_SIZE)
        write(index + 2, endpoint, { upto: index + 1, weight: 1, port: Number(port) })
        own(index + 2, endpoint, 'state', states.endpoint(text))
      }
      const tiers = count === 0 ? 0 : 1
      return { tiers, rows, relocations, policy: 'ROUND_ROBIN', choiceCount: 0, bias: 0, flags: 0, shape: { localities: false } }
    },
    hash: () => 0n,
    http: lowerServices,
  }
}

function field(layout: Layout, name: string): Field {
  return layout.fields[name] as Field
}
