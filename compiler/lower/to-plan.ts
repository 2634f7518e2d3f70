/**
 * Program -> Plan: meaning becomes the bytes of the inner maps, the list of generated programs, and limits that hold.
 * In: a Program and the lowering of balance policies. Out: a Plan whose state ids are local indices. Never throws on user input.
 * Deterministic: rows follow the order of the Program, which is by name.
 */
import {
  CHAIN_CLUSTER,
  CHAIN_DIVERT,
  CHAIN_HASH_CONSTANT,
  CHAIN_HASH_SOURCE_IP,
  CHAIN_HTTP,
  CHAIN_PASS,
  CHAIN_REFUSE,
  CHAIN_WEIGHTED,
  CLUSTER_PASS,
  CLUSTER_REFUSE,
  chain as chainLayout,
  cluster as clusterLayout,
  LISTENER_DYNAMIC,
  listenerKey,
  listenerValue,
  matchKey,
  POLICIES,
  type PolicyName,
  REASONS,
  ROW_SIZE,
  STATE_SHARD_ROWS,
  STATE_SHARDS,
  state as stateLayout,
  weighted as weightedLayout,
} from '../../proto/abi.ts'
import type { NamedCluster, NamedListener, NamedService } from '../../proto/artifact/format.ts'
import { HTTP_ROW_SIZE, nameKey } from '../../proto/http/tables.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import { keyText } from '../ir/key-text.ts'
import type { Action, Balance, Cluster, HashPolicy, HttpService, Listener, ListenerKey, Program } from '../ir/program.ts'
import { httpClusters } from './http-clusters.ts'
import type { RouteFeature } from './http/features.ts'
import type { HttpContext, LoweredHttp, ServiceLanes } from './http/lowered.ts'
import { reportLanes } from './http/report-lanes.ts'
import { ANY4, ANY6 } from '../../proto/address/mapped.ts'
import type { BalanceBlock } from './balance-block.ts'
import { swap16, swap32 } from '../../proto/byte-order.ts'
import { chainTargets } from './chains.ts'
import type { Plan, UnitShape } from './plan.ts'
import { createRowTable } from './rows.ts'
import { createStateTable, type StateAllocator } from './states.ts'

export interface Lowering {
  readonly balance: (balance: Balance, states: StateAllocator) => BalanceBlock
  /** xxHash64 of a text, for hash policies with a fixed key */
  readonly hash: (text: string) => bigint
  readonly http: (services: readonly HttpService[], context: HttpContext) => LoweredHttp
}

const PROTOCOL = { tcp: 6, udp: 17 } as const
/** connect or sendmsg -> entry -> policy */
const TAIL_CALLS = 2
const CELL_OFFSET = (clusterLayout.fields.cells as { offset: number }).offset
const UNKNOWN_CLUSTER: Cluster = {
  name: '(unknown cluster)',
  path: '',
  target: { kind: 'refuse', reason: 'unknown_cluster', why: 'not in the snapshot' },
  maxConnections: 0,
}

export function toPlan(program: Program, lowering: Lowering, diag: Diagnostics): Plan {
  const states = createStateTable()
  const chains = createRowTable(chainLayout.size)
  const clusters = createRowTable(clusterLayout.size)
  const endpoints = createRowTable(ROW_SIZE)
  const keys = createRowTable(listenerKey.size)
  const values = createRowTable(listenerValue.size)
  const matchKeys = createRowTable(matchKey.size)
  const matchValues: number[] = []
  const relocations: number[] = []
  const sourceMap: Record<string, string> = {}
  const shape = { weighted: false, dynamic: false, sourceHash: false, localities: new Set<PolicyName>(), policies: new Set<PolicyName>() }

  const unknownCluster = program.clusters.length
  const needsUnknown = program.listeners.some((listener) =>
    actionsOf(listener).some((action) => action.kind === 'weighted' && action.clusters.some((share) => share.cluster === null)),
  )
  const heads = needsUnknown ? [...program.clusters, UNKNOWN_CLUSTER] : program.clusters

  // first those that stay when endpoints come and go: what names them in the tables is then the same bytes
  for (const { name, subset } of heads) states.cluster(subset?.of ?? name)
  for (const { name } of program.listeners) states.listener(name)
  const ways = httpClusters(program.clusters)
  const forwarded = new Set<number>()
  const http = lowering.http(program.services, {
    ...ways,
    cluster: (name, criteria) => {
      const index = ways.cluster(name, criteria)
      if (index !== undefined) forwarded.add(index)
      return index
    },
    bucketState: (service, path) => states.bucket(service, path),
    routeState: (service, virtualHost, route) => states.route(service, virtualHost, route),
  })

  const namedClusters: NamedCluster[] = []
  for (const cluster of heads) {
    const { target, subset } = cluster
    const state = states.cluster(subset?.of ?? cluster.name)
    const index = clusters.push(clusterLayout, { state, max_connections: cluster.maxConnections })
    const view = new DataView(clusters.bytes.buffer, index * clusterLayout.size, clusterLayout.size)
    const set = (field: string, value: number): void =>
      view.setUint32((clusterLayout.fields[field] as { offset: number }).offset, value, true)
    sourceMap[`cluster:${index}`] = cluster.path
    if (target.kind === 'balance') {
      const block = lowering.balance(target.balance, states.within(subset?.of ?? cluster.name, subset?.criteria))
      const first = endpoints.append(block.rows)
      for (const offset of block.relocations) relocations.push(first * ROW_SIZE + offset)
      set('policy', POLICIES.indexOf(block.policy))
      set('flags', block.flags)
      set('choice_count', block.choiceCount)
      set('bias', block.bias)
      view.setBigUint64(CELL_OFFSET, 1n, true)
      view.setUint32(CELL_OFFSET + 8, first, true)
      view.setUint32(CELL_OFFSET + 12, block.tiers, true)
      shape.policies.add(block.policy)
      if (block.shape.localities) shape.localities.add(block.policy)
      namedClusters.push({ name: cluster.name, state, policy: block.policy })
    } else {
      set('flags', target.kind === 'refuse' ? CLUSTER_REFUSE : CLUSTER_PASS)
      if (target.kind === 'refuse') set('reason', REASONS[target.reason])
      namedClusters.push({
        name: cluster.name,
        state,
        policy: target.kind === 'refuse' ? 'none' : 'ORIGINAL_DST',
        ...(target.kind === 'refuse' && { refused: `${target.reason}: ${target.why}` }),
      })
    }
  }

  reportLanes(http.lanes, diag)

  const rows = new Map<string, number>()
  const writeChain = (action: Action): number => {
    const known = rows.get(actionKey(action))
    if (known !== undefined) return known
    const index = pushChain(action)
    rows.set(actionKey(action), index)
    return index
  }
  const pushChain = (action: Action): number => {
    if (action.kind === 'refuse') return chains.push(chainLayout, { kind: CHAIN_REFUSE, reason: REASONS[action.reason] })
    if (action.kind === 'divert') return chains.push(chainLayout, { kind: CHAIN_DIVERT, reason: REASONS.diverted })
    if (action.kind === 'http') return chains.push(chainLayout, { kind: CHAIN_HTTP, target: http.services[action.service] as number })
    if (action.hash.kind === 'source_ip') shape.sourceHash = true
    const hash = hashFields(action.hash, lowering)
    if (action.kind === 'cluster') {
      const pass = heads[action.cluster]?.target.kind === 'original_dst'
      return chains.push(chainLayout, { kind: pass ? CHAIN_PASS : CHAIN_CLUSTER, target: action.cluster, ...hash })
    }
    shape.weighted = true
    const total = action.clusters.reduce((sum, share) => sum + BigInt(share.weight), 0n)
    const index = chains.push(chainLayout, {
      kind: CHAIN_WEIGHTED,
      target: chains.count + 1,
      count: action.clusters.length,
      total,
      ...hash,
    })
    let upto = 0n
    for (const share of action.clusters) {
      upto += BigInt(share.weight)
      chains.push(weightedLayout, { upto, cluster: share.cluster ?? unknownCluster })
    }
    return index
  }

  let sets = 0
  const writer = {
    row: writeChain,
    set: () => ++sets,
    entry: (set: number, port: number, address: Uint8Array, bits: number, row: number) => {
      matchKeys.push(matchKey, { length: 64 + bits, set: swap32(set), port: swap16(port), address })
      matchValues.push(row)
    },
  }
  const namedListeners: NamedListener[] = []
  for (const [index, listener] of program.listeners.entries()) {
    const state = states.listener(listener.name)
    sourceMap[`listener:${index}`] = listener.path
    const targetOf = chainTargets(listener, writer)
    const addresses: string[] = []
    for (const key of listener.keys) {
      const target = targetOf(key)
      const value =
        target.kind === 'static'
          ? { target: target.row, state }
          : { target: target.set, flags: LISTENER_DYNAMIC, state, fallback: target.fallback }
      if (target.kind === 'dynamic') shape.dynamic = true
      for (const dialled of dialledAddresses(key)) {
        keys.push(listenerKey, { ...dialled, protocol: PROTOCOL[listener.protocol] })
        values.push(listenerValue, value)
      }
      addresses.push(keyText(key))
    }
    const diverted = actionsOf(listener).flatMap((action) => (action.kind === 'divert' ? [{ path: action.path, why: action.why }] : []))
    namedListeners.push({ name: listener.name, state, protocol: listener.protocol, addresses, ...(diverted.length > 0 && { diverted }) })
  }

  const protocols = { tcp: program.listeners.some((l) => l.protocol === 'tcp'), udp: program.listeners.some((l) => l.protocol === 'udp') }
  const tables = {
    listener: { keys: keys.bytes, values: values.bytes },
    match: { keys: matchKeys.bytes, values: new Uint8Array(Uint32Array.from(matchValues).buffer) },
    chain: chains.bytes,
    cluster: clusters.bytes,
    endpoint: endpoints.bytes,
    states: states.keys,
    endpointRelocations: Uint32Array.from(relocations),
    ...http.tables,
  }
  if (states.count > STATE_SHARD_ROWS * STATE_SHARDS) {
    diag.report({
      code: 'KM1501',
      severity: 'error',
      path: '',
      message: `the snapshot needs ${states.count} state rows; ${STATE_SHARD_ROWS * STATE_SHARDS} is the most`,
      fix: 'split the snapshot between several instances',
    })
  }
  return {
    tables,
    names: {
      listeners: namedListeners,
      clusters: namedClusters.map((named, index) => (forwarded.has(index) ? { ...named, requests: 'kernel' } : named)),
      // made when an artifact is written: a name for each route, which a check does not need
      get services() {
        return namedServices(program.services, http.lanes)
      },
    },
    units: unitShapes(protocols, { ...shape, http: program.services.length > 0 ? http.features : undefined }),
    lanes: http.lanes,
    sourceMap,
    budgets: {
      tailCalls: TAIL_CALLS,
      entries: {
        listener: keys.count,
        match: matchKeys.count,
        chain: chains.count,
        cluster: clusters.count,
        endpoint: endpoints.count,
        state: states.count,
        http: http.tables.http.length / HTTP_ROW_SIZE,
        name: http.tables.name.keys.length / nameKey.size,
      },
      bytes:
        keys.bytes.length +
        values.bytes.length +
        matchKeys.bytes.length +
        matchValues.length * 4 +
        chains.bytes.length +
        clusters.bytes.length +
        endpoints.bytes.length +
        http.tables.http.length +
        http.tables.name.keys.length +
        http.tables.name.values.length +
        states.count * stateLayout.size,
    },
  }
}

function namedServices(services: readonly HttpService[], lanes: readonly ServiceLanes[]): readonly NamedService[] {
  return services.map(({ listener, path }, index) => ({
    listener,
    path,
    routes: (lanes[index]?.virtualHosts ?? []).flatMap(({ name: virtualHost, routes }) =>
      routes.map(({ state, name, path: route, lane, why }) => ({
        state,
        virtualHost,
        name,
        path: route,
        lane,
        ...(why !== '' && { why }),
      })),
    ),
  }))
}

/** Programs to generate. Depends on what the configuration uses, never on how much of it or on which values. */
function unitShapes(
  protocols: { readonly tcp: boolean; readonly udp: boolean },
  shape: {
    weighted: boolean
    dynamic: boolean
    sourceHash: boolean
    localities: ReadonlySet<PolicyName>
    policies: ReadonlySet<PolicyName>
    /** what requests need; undefined: there is no HTTP */
    http: ReadonlySet<RouteFeature> | undefined
  },
): readonly UnitShape[] {
  if (!protocols.tcp && !protocols.udp) return []
  // A head that refuses or passes is met by the policy program of number 0.
  const used = POLICIES.filter((policy, index) => index === 0 || shape.policies.has(policy))
  return [
    { kind: 'entry', ...protocols, dynamic: shape.dynamic, weighted: shape.weighted, http: shape.http !== undefined },
    ...used.map(
      (policy): UnitShape => ({
        kind: 'policy',
        policy,
        ...protocols,
        sourceHash: shape.sourceHash && (policy === 'RING_HASH' || policy === 'MAGLEV'),
        localities: shape.localities.has(policy),
      }),
    ),
    ...(shape.http === undefined ? [] : requestShapes(used, shape.localities, shape.http)),
  ]
}

function requestShapes(
  policies: readonly PolicyName[],
  localities: ReadonlySet<PolicyName>,
  features: ReadonlySet<RouteFeature>,
): readonly UnitShape[] {
  return [
    { kind: 'http_request' },
    { kind: 'http_route', features },
    { kind: 'http_act' },
    ...policies.map((policy): UnitShape => ({ kind: 'http_policy', policy, localities: localities.has(policy) })),
    { kind: 'http_forward' },
  ]
}

function actionsOf(listener: Listener): readonly Action[] {
  return [...listener.chains.map((chain) => chain.action), listener.fallback]
}

function actionKey(action: Action): string {
  switch (action.kind) {
    case 'refuse':
      return `refuse ${action.reason}`
    case 'divert':
      return 'divert'
    case 'http':
      return `http ${action.service}`
    case 'cluster':
      return `cluster ${action.cluster} ${JSON.stringify(action.hash)}`
    case 'weighted':
      return `weighted ${JSON.stringify([action.clusters, action.hash])}`
  }
}

function hashFields(hash: HashPolicy, lowering: Lowering): { flags?: number; hash?: bigint } {
  if (hash.kind === 'source_ip') return { flags: CHAIN_HASH_SOURCE_IP }
  if (hash.kind === 'key') return { flags: CHAIN_HASH_CONSTANT, hash: lowering.hash(hash.key) }
  return {}
}

function dialledAddresses(key: ListenerKey): readonly { address: Uint8Array; port: number }[] {
  switch (key.kind) {
    case 'exact':
      return [{ address: key.address, port: key.port }]
    case 'any4':
      return [{ address: ANY4, port: key.port }]
    case 'any6':
      return [{ address: ANY6, port: key.port }]
    case 'catch_all':
      return [{ address: key.family === 'v4' ? ANY4 : ANY6, port: 0 }]
  }
}
