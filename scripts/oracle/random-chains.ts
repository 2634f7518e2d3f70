/**
 * A random listener whose filter chains differ in what they match, and connections to it. In: a seed, a number, three ports. Out: an Envoy Listener, each of whose chains
 * answers with its own name, and the connections. Invariant: the same seed and number give the same; addresses are below 127.0.0.0/8, or ::1.
 * Left out: prefixes of no bits beside chains without a prefix, between which Envoy's trie has no order (tried: it differs from run to run).
 */
import { createSketch, type Sketch } from '../routing/sketch.ts'
import type { JsonObject } from './envoy.ts'

export interface ChainConnection {
  readonly to: string
  readonly port: number
  readonly from: string
  /** 0: whichever is free */
  readonly fromPort: number
  /** undefined: plain HTTP; '': TLS without a server name */
  readonly serverName: string | undefined
}

export interface ChainCase {
  readonly listener: JsonObject
  readonly connections: readonly ChainConnection[]
}

type Spot = readonly [address: string, port: number]

const TYPE = 'type.googleapis.com/envoy.extensions.filters'
const CONNECTIONS = 24
/** of clients, where not any will do */
const FIXED_PORTS = [31_701, 31_702, 31_703, 31_704]

export function randomChains(seed: number, number: number, ports: readonly [number, number, number]): ChainCase {
  const sketch = createSketch(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b))
  const [first, second, third] = ports
  const any = sketch.chance(0.3)
  const own: readonly Spot[] = [
    ['127.71.1.1', first],
    ['127.71.1.1', second],
    ['127.71.2.3', first],
    ...(sketch.chance(0.2) ? [['::1', third] as const] : []),
  ]
  const [main, ...more] = any
    ? ([
        ['0.0.0.0', first],
        ['0.0.0.0', second],
      ] as const)
    : own
  const dialled: readonly Spot[] = any ? [...own.slice(0, 3), ['127.71.1.80', second], ['127.71.3.3', first], ['127.0.0.1', first]] : own
  const asked = sketch.chance(0.5) ? [first, second] : [first]
  const chains = sketch.many(1, 6, (index) => chain(`c${index}`, chainMatch(sketch, asked)))
  return {
    listener: {
      name: `L${number}`,
      address: addressOf(main as Spot),
      additional_addresses: more.map((spot) => ({ address: addressOf(spot) })),
      listener_filters: sketch
        .one([['tls'], ['tls', 'http'], ['http'], [], ['tls'], ['http', 'tls']])
        .map((kind) => inspector(sketch, kind, ports)),
      listener_filters_timeout: '0.3s',
      continue_on_listener_filters_timeout: true,
      filter_chains: chains,
      ...(sketch.chance(0.4) && { default_filter_chain: chain('default', undefined) }),
    },
    connections: Array.from({ length: CONNECTIONS }, () => connection(sketch, sketch.one(dialled))),
  }
}

function connection(sketch: Sketch, [to, port]: Spot): ChainConnection {
  const names = ['a.com', 'b.a.com', 'c.b.a.com', 'com', 'x.org', 'A.com', 'localhost', '']
  return {
    to,
    port,
    from: to === '::1' ? to : sketch.one(['127.0.0.1', '127.71.9.9', '127.71.9.8', '127.71.1.1', '127.72.0.1', to]),
    fromPort: sketch.chance(0.5) ? sketch.one(FIXED_PORTS) : 0,
    serverName: sketch.chance(0.6) ? sketch.one(names) : undefined,
  }
}

function addressOf([address, port_value]: Spot): JsonObject {
  return { socket_address: { address, port_value } }
}

function chain(name: string, match: JsonObject | undefined): JsonObject {
  const typed_config = { '@type': `${TYPE}.network.direct_response.v3.Config`, response: { inline_string: name } }
  return { name, ...(match !== undefined && { filter_chain_match: match }), filters: [{ name: 'answer', typed_config }] }
}

function inspector(sketch: Sketch, kind: string, ports: readonly number[]): JsonObject {
  return {
    name: kind,
    typed_config: { '@type': `${TYPE}.listener.${kind}_inspector.v3.${kind === 'tls' ? 'Tls' : 'Http'}Inspector` },
    ...sketch.maybe(0.15, 'filter_disabled', () => predicate(sketch, ports, 2)),
  }
}

/** `depth`: how many levels may be below it */
function predicate(sketch: Sketch, ports: readonly number[], depth: number): JsonObject {
  const start = sketch.one(ports)
  const range = { destination_port_range: { start, end: start + sketch.whole(1, 3) } }
  if (depth === 0) return range
  const inner = (): JsonObject => predicate(sketch, ports, depth - 1)
  return sketch.weighted<JsonObject>([
    [4, range],
    [1, { any_match: true }],
    [2, { or_match: { rules: [inner(), inner()] } }],
    [2, { and_match: { rules: [inner(), inner()] } }],
    [1, { not_match: inner() }],
  ])
}

function chainMatch(sketch: Sketch, ports: readonly number[]): JsonObject {
  const clients = (): JsonObject[] =>
    ranges(sketch, 2, ['127.0.0.0/8', '127.71.0.0/16', '127.71.9.0/24', '127.0.0.1/32', '127.71.9.9/32', '::1/128', '0.0.0.0/1'])
  const odd = (text: string): string => (sketch.odd(0.05) ? text : 'a.com')
  return {
    ...sketch.maybe(0.3, 'destination_port', () => sketch.one([...ports, ...ports, 1])),
    ...sketch.maybe(0.3, 'prefix_ranges', () =>
      ranges(sketch, 3, [
        '127.0.0.0/8',
        '127.71.0.0/16',
        '127.71.1.0/24',
        '127.71.1.1/32',
        '127.71.1.1/31',
        '127.71.2.3/30',
        '::/1',
        '::1/128',
        '127.71.1.77/25',
        '128.0.0.0/1',
      ]),
    ),
    ...sketch.maybe(0.3, 'server_names', () =>
      unique(
        sketch,
        sketch.many(1, 3, () =>
          sketch.one([
            'b.a.com',
            '*.a.com',
            '*.com',
            '*.b.a.com',
            'x.org',
            '*.org',
            'A.com',
            '*.A.com',
            'com',
            odd('*'),
            odd('*.'),
            odd('a.*'),
            odd(''),
          ]),
        ),
      ),
    ),
    ...sketch.maybe(0.25, 'transport_protocol', () =>
      sketch.one(['tls', 'raw_buffer', 'tls', sketch.odd(0.05) ? 'quic' : 'raw_buffer', '']),
    ),
    ...sketch.maybe(0.25, 'application_protocols', () =>
      unique(
        sketch,
        sketch.many(1, 2, () => sketch.one(['http/1.1', 'h2', 'h2c', 'http/1.0', 'istio'])),
      ),
    ),
    ...sketch.maybe(0.2, 'direct_source_prefix_ranges', clients),
    ...sketch.maybe(0.25, 'source_type', () => sketch.one(['ANY', 'SAME_IP_OR_LOOPBACK', 'EXTERNAL'])),
    ...sketch.maybe(0.25, 'source_prefix_ranges', clients),
    ...sketch.maybe(0.2, 'source_ports', () =>
      unique(
        sketch,
        sketch.many(1, 3, () => sketch.one(FIXED_PORTS)),
      ),
    ),
  }
}

function ranges(sketch: Sketch, most: number, texts: readonly string[]): JsonObject[] {
  return unique(
    sketch,
    sketch.many(1, most, () => sketch.one(texts)),
  ).map((text) => {
    const [address_prefix = '', bits] = text.split('/')
    return { address_prefix, prefix_len: Number(bits) }
  })
}

/** Envoy refuses what is said twice. */
function unique<T>(sketch: Sketch, list: readonly T[]): T[] {
  return sketch.odd(0.03) ? [...list] : [...new Map(list.map((one) => [String(one).toLowerCase(), one])).values()]
}
