import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { analyse } from '../compile.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { openToolchain } from '../emit/clang.ts'
import { toC } from '../emit/to-c.ts'
import { readInput } from '../input/read.ts'
import { type Change, compareItems } from './compare.ts'
import { compiledPlan } from './compiled.ts'
import { type Difference, diffSides, type Side } from './diff.ts'
import { diffMarkdown } from './markdown.ts'
import { snapshotItems } from './snapshot-items.ts'
import { diffText } from './text.ts'

type Json = Record<string, unknown>

const toolchain = await openToolchain()
const TYPE = 'type.googleapis.com/envoy.'
const NETWORK = `${TYPE}extensions.filters.network`

function side(resources: readonly Json[], text = JSON.stringify(resources)): Side {
  const diag = createDiagnostics()
  const options = { resolve: new Map(), addresses: [], plaintextTo: new Set<'istio'>(), strict: false }
  const { input, plan } = analyse([{ name: 'snapshot', bytes: Buffer.from(text) }], options, diag, () => undefined)
  assert.not.ok(diag.failed, JSON.stringify(diag.list))
  const units = new Map(toC(plan.units, toolchain.templates, toolchain.base).map((unit) => [unit.name, unit.text]))
  return { form: 'snapshot', name: 'snapshot', resources: input.resources, compiled: compiledPlan(plan, units) }
}

const diff = (old: readonly Json[], now: readonly Json[]): Difference => diffSides(side(old), side(now))
/** For what only artifacts lead to: both sides by their tables. */
const diffTables = (old: readonly Json[], now: readonly Json[]): Difference => {
  const [before, after] = [side(old), side(now)]
  return diffSides(
    { form: 'artifact', name: 'a', digest: 'sha256:0', compiled: before.compiled },
    { form: 'artifact', name: 'b', digest: 'sha256:1', compiled: after.compiled },
  )
}

const endpoint = (address: string, more: Json = {}): Json => ({
  endpoint: { address: { socket_address: { address, port_value: 80 } } },
  ...more,
})

const cluster = (name: string, endpoints: readonly Json[], more: Json = {}): Json => ({
  '@type': `${TYPE}config.cluster.v3.Cluster`,
  name,
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
  ...more,
})

const listener = (name: string, address: string, filter: Json): Json => ({
  '@type': `${TYPE}config.listener.v3.Listener`,
  name,
  address: { socket_address: { address, port_value: 80 } },
  bind_to_port: false,
  filter_chains: [{ filters: [{ name: 'last', typed_config: filter }] }],
})

const weighted = (...weights: readonly (readonly [string, number])[]): Json => ({
  '@type': `${NETWORK}.tcp_proxy.v3.TcpProxy`,
  stat_prefix: 't',
  weighted_clusters: { clusters: weights.map(([name, weight]) => ({ name, weight })) },
})

const route = (name: string, prefix: string, target: string, more: Json = {}): Json => ({
  name,
  match: { prefix },
  route: { cluster: target, ...more },
})

const http = (routes: readonly Json[], domains = ['a.example']): readonly Json[] => [
  listener('web', '10.0.0.9', {
    '@type': `${NETWORK}.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'h',
    rds: { route_config_name: 'web', config_source: { ads: {} } },
  }),
  { '@type': `${TYPE}config.route.v3.RouteConfiguration`, name: 'web', virtual_hosts: [{ name: 'a', domains, routes }] },
]

const BASE = [
  listener('shop', '10.0.0.1', weighted(['v1', 90], ['v2', 10])),
  cluster('v1', [endpoint('10.1.0.1'), endpoint('10.1.0.2')]),
  cluster('v2', [endpoint('10.1.0.3')]),
  ...http([route('one', '/one', 'v1'), route('two', '/two', 'v2'), route('rest', '/', 'v1')]),
]

const replace = (name: string, by: Json, kind = 'Cluster'): readonly Json[] =>
  BASE.map((one) => (one.name === name && String(one['@type']).endsWith(kind) ? by : one))

/** "kind name" of every change, with its owners before it. */
function names(changes: readonly Change[], above = ''): readonly string[] {
  return changes.flatMap(({ change, kind, name, parts, facts }) => {
    const own = `${above}${kind} ${name}`
    return [...(change === 'changed' && facts.length === 0 ? [] : [`${change} ${own}`]), ...names(parts, `${own} > `)]
  })
}

const facts = (changes: readonly Change[]): readonly string[] =>
  changes.flatMap(({ change, facts: own, parts }) => [
    ...(change === 'added' || change === 'removed' ? [] : own.map((fact) => `${fact.name}: ${fact.old ?? '-'} -> ${fact.new ?? '-'}`)),
    ...facts(parts),
  ])

function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), shuffled(item)]),
  )
}

test('the same in another order, in camelCase, with defaults written out', () => {
  const again = shuffled([...BASE].reverse()) as Json[]
  assert.ok(diff(BASE, again).same)
  const written = replace(
    'v1',
    cluster(
      'v1',
      [endpoint('10.1.0.1', { load_balancing_weight: 1, health_status: 'UNKNOWN' }), endpoint('10.1.0.2', { health_status: 'HEALTHY' })],
      {
        type: 'STATIC',
        lb_policy: 'ROUND_ROBIN',
        circuit_breakers: { thresholds: [{ priority: 'DEFAULT', max_connections: 1024, max_requests: 1024 }] },
      },
    ),
  )
  const { same, changes } = diff(BASE, written)
  assert.equal(changes, [])
  assert.ok(same)
})

test('endpoints: added, removed, weight, health, priority', () => {
  const now = replace(
    'v1',
    cluster('v1', [endpoint('10.1.0.1', { load_balancing_weight: 3, health_status: 'DEGRADED' }), endpoint('10.1.0.7')]),
  )
  const { changes, blast } = diff(BASE, now)
  assert.equal(names(changes), [
    'changed cluster v1 > endpoint 10.1.0.1:80',
    'removed cluster v1 > endpoint 10.1.0.2:80',
    'added cluster v1 > endpoint 10.1.0.7:80',
  ])
  assert.equal(facts(changes), ['weight: - -> 3', 'health: - -> degraded'])
  assert.equal(blast.services, ['v1'])
  assert.equal(blast.listeners, ['shop', 'web'])
  assert.not.ok(blast.programs.clang)
  assert.not.ok(blast.programs.replaced)
  assert.ok(blast.entries.written > 0 && blast.entries.bytes > 0)
  const lower = cluster('v1', [], {
    load_assignment: {
      cluster_name: 'v1',
      endpoints: [{ priority: 1, lb_endpoints: [endpoint('10.1.0.1')] }, { lb_endpoints: [endpoint('10.1.0.2')] }],
    },
  })
  assert.equal(facts(diff(BASE, replace('v1', lower)).changes), ['priority: - -> 1'])
})

test('weights of tcp_proxy', () => {
  const { changes, blast } = diff(BASE, replace('shop', listener('shop', '10.0.0.1', weighted(['v1', 50], ['v2', 50])), 'Listener'))
  assert.equal(facts(changes), ['weight: 90 -> 50', 'weight: 10 -> 50'])
  assert.equal(blast.listeners, ['shop'])
  assert.is(blast.tables.find(({ table }) => table === 'chain')?.written, 1)
  assert.is(blast.tables.find(({ table }) => table === 'listener')?.written, 0)
})

test('an inserted cluster moves indices and touches no entry of others', () => {
  const { blast } = diff(BASE, [...BASE, cluster('a-first', [endpoint('10.1.0.9')])])
  assert.equal(
    blast.tables.filter(({ written }) => written > 0).map(({ table, removed }) => `${table} -${removed}`),
    ['cluster -0', 'endpoint -0', 'state -0'],
  )
})

test('routes: action, timeout, order, insertion, domain', () => {
  const change = (routes: readonly Json[], domains?: string[]) => diff(BASE, [...BASE.slice(0, 3), ...http(routes, domains)])
  const [one, two, rest] = [route('one', '/one', 'v1'), route('two', '/two', 'v2'), route('rest', '/', 'v1')]
  const at = 'route_configuration web > virtual_host a > '
  assert.equal(names(change([one, route('two', '/two', 'v1'), rest]).changes), [`changed ${at}route two`])
  assert.equal(facts(change([one, route('two', '/two', 'v1'), rest]).changes), ['action: cluster "v2" -> cluster "v1"'])
  assert.equal(change([one, route('two', '/two', 'v1'), rest]).blast.services, ['v1', 'v2'])
  assert.equal(facts(change([one, route('two', '/zwei', 'v2'), rest]).changes), ['match: prefix "/two" -> prefix "/zwei"'])
  assert.equal(facts(change([one, route('two', '/two', 'v2', { timeout: '1.500s' }), rest]).changes), ['route.timeout: - -> "1.5s"'])
  assert.equal(names(change([two, one, rest]).changes), [`moved ${at}route two`], 'one of the two moved, not both')
  assert.equal(
    names(change([route('new', '/new', 'v1'), one, two, rest]).changes),
    [`added ${at}route new`],
    'what stands behind it did not move',
  )
  assert.equal(names(change([one, rest]).changes), [`removed ${at}route two`])
  const host = change([one, two, rest], ['a.example', 'b.example'])
  assert.equal(names(host.changes), [`added ${at}domain b.example`])
  assert.equal(host.blast.services, ['v1', 'v2'], 'a door to all that stands behind it')
  assert.equal(host.blast.virtualHosts, ['web / a'])
  assert.equal(host.blast.listeners, ['web'])
})

test('routes that share a name, as Istio calls many "default"', () => {
  const routes = (second: string) => [route('default', '/a', 'v1'), route('default', '/b', second), route('default', '/', 'v1')]
  const { changes } = diffSides(side([...BASE.slice(0, 3), ...http(routes('v1'))]), side([...BASE.slice(0, 3), ...http(routes('v2'))]))
  assert.equal(facts(changes), ['action: cluster "v1" -> cluster "v2"'])
})

test('a route that only got another name, or its first one', () => {
  const named = (name: string) => [
    ...BASE.slice(0, 3),
    ...http([{ ...(name !== '' && { name }), match: { prefix: '/' }, route: { cluster: 'v1' } }]),
  ]
  assert.equal(facts(diff(named('a'), named('b')).changes), ['name: a -> b'])
  assert.equal(facts(diff(named(''), named('b')).changes), ['name: - -> b'])
})

test('no set field is overlooked: whatever leaf changes, something is told', () => {
  const rich = [
    ...BASE,
    cluster('rich', [endpoint('10.1.0.4', { load_balancing_weight: 7, metadata: { filter_metadata: { 'envoy.lb': { a: 'b' } } } })], {
      connect_timeout: '3s',
      alt_stat_name: 'x',
      circuit_breakers: {
        thresholds: [
          { max_connections: 5, track_remaining: true },
          { priority: 'HIGH', max_requests: 6 },
        ],
      },
    }),
    {
      '@type': `${TYPE}config.endpoint.v3.ClusterLoadAssignment`,
      cluster_name: 'alone',
      policy: { overprovisioning_factor: 150 },
      endpoints: [{ locality: { region: 'r' }, load_balancing_weight: 3, lb_endpoints: [endpoint('10.1.0.8')] }],
    },
    {
      '@type': `${TYPE}config.route.v3.RouteConfiguration`,
      name: 'rich',
      request_headers_to_add: [{ header: { key: 'x-a', value: 'b' }, append_action: 'ADD_IF_ABSENT' }],
      virtual_hosts: [
        {
          name: 'rich',
          domains: ['rich.example'],
          routes: [
            {
              match: {
                safe_regex: { regex: 'a' },
                headers: [
                  { name: 'h', string_match: { prefix: 'p' } },
                  { name: 'i', range_match: { start: 1, end: 5 } },
                ],
                query_parameters: [{ name: 'q', present_match: true }],
                runtime_fraction: { default_value: { numerator: 7 }, runtime_key: 'k' },
              },
              route: {
                weighted_clusters: {
                  clusters: [
                    { name: 'v1', weight: 7 },
                    { name: 'v2', weight: 3 },
                  ],
                },
                retry_policy: { num_retries: 5 },
                hash_policy: [{ header: { header_name: 'x' } }],
              },
            },
            { match: { path: '/r' }, redirect: { host_redirect: 'h', response_code: 'FOUND' } },
            { match: { path: '/d' }, direct_response: { status: 418, body: { inline_string: 'tea' } } },
          ],
        },
      ],
    },
  ]
  const old = side(rich)
  let tried = 0
  for (const path of leaves(rich)) {
    if (path.at(-1) === '@type') continue
    const copy = structuredClone(rich) as Json[]
    const owner = path.slice(0, -1).reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], copy) as Record<string, unknown>
    const last = path.at(-1) as string
    const value = owner[last]
    owner[last] = typeof value === 'number' ? value + 1 : typeof value === 'boolean' ? !value : other(String(value))
    tried++
    assert.ok(
      compareItems(snapshotItems((old as Extract<Side, { form: 'snapshot' }>).resources), snapshotItems(decoded(copy))).length > 0,
      path.join('.'),
    )
  }
  assert.ok(tried > 80, String(tried))
})

function leaves(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([key, item]) => leaves(item, [...path, key]))
}

const OTHERS: Readonly<Record<string, string>> = { HIGH: 'DEFAULT', FOUND: 'SEE_OTHER', ADD_IF_ABSENT: 'OVERWRITE_IF_EXISTS', '3s': '4s' }
const other = (text: string): string => OTHERS[text] ?? (/^10[.]/.test(text) ? '10.9.9.9' : `${text}x`)

const decoded = (resources: readonly Json[]) =>
  readInput([{ name: 's', bytes: Buffer.from(JSON.stringify(resources)) }], createDiagnostics()).resources

test('a new policy needs another program, and clang', () => {
  const { blast, changes } = diff(BASE, replace('v2', cluster('v2', [endpoint('10.1.0.3')], { lb_policy: 'MAGLEV' })))
  assert.equal(facts(changes), ['policy: ROUND_ROBIN -> MAGLEV'])
  assert.ok(blast.programs.clang && blast.programs.replaced)
  assert.equal(blast.programs.build, ['http_maglev', 'policy_maglev'], 'one for connections, one for requests: there is an HTTP service')
})

test('limits', () => {
  const limited = (thresholds: readonly Json[]) =>
    replace('v2', cluster('v2', [endpoint('10.1.0.3')], { circuit_breakers: { thresholds } }))
  assert.equal(facts(diff(BASE, limited([{ max_connections: 5 }])).changes), ['max_connections: - -> 5'])
  assert.equal(
    facts(
      diff(limited([{ max_connections: 5 }]), limited([{ max_connections: 4294967295 }, { priority: 'HIGH', max_retries: 9 }])).changes,
    ),
    ['max_connections: 5 -> unlimited', 'HIGH max_retries: - -> 9'],
  )
})

test('by tables, as with an artifact: addresses, actions, endpoints', () => {
  assert.ok(diffTables(BASE, [...BASE].reverse()).same)
  const now = [
    listener('shop', '10.0.0.2', weighted(['v1', 50], ['v2', 50])),
    cluster('v1', [endpoint('10.1.0.1', { load_balancing_weight: 2 }), endpoint('10.1.0.2')]),
    cluster('v2', [endpoint('10.1.0.3')], { circuit_breakers: { thresholds: [{ max_connections: 7 }] } }),
    ...BASE.slice(3),
  ]
  const { changes, level } = diffTables(BASE, now)
  assert.is(level, 'kernel')
  assert.equal(names(changes), [
    'removed listener shop > address 10.0.0.1:80',
    'added listener shop > address 10.0.0.2:80',
    'changed listener shop > filter_chain any > weight v1',
    'changed listener shop > filter_chain any > weight v2',
    'changed cluster v1 > endpoint 10.1.0.1:80',
    'changed cluster v2',
  ])
  assert.equal(facts(changes), ['weight: 90 -> 50', 'weight: 10 -> 50', 'weight: - -> 2', 'max_connections: - -> 7'])
})

test('private keys are never shown', () => {
  const secret = (key: string): Json => ({
    '@type': `${TYPE}extensions.transport_sockets.tls.v3.Secret`,
    name: 'server',
    tls_certificate: { certificate_chain: { inline_string: 'chain' }, private_key: { inline_string: key } },
  })
  const difference = diff([...BASE, secret('OLD-PRIVATE')], [...BASE, secret('NEW-PRIVATE')])
  assert.not.ok(difference.same)
  const shown = JSON.stringify(difference) + diffText(difference, { colour: false }) + diffMarkdown(difference)
  assert.not.match(shown, 'PRIVATE')
  assert.match(shown, 'hidden, sha256')
})

test('text: stable, coloured only where asked for, hostile names stay in their line', () => {
  const hostile = 'x\n```\n| a | <b> \u001b[31m @team'
  const difference = diff(BASE, [...BASE, cluster(hostile, [endpoint('10.1.0.9')])])
  const text = diffText(difference, { colour: false })
  assert.not.match(text, '\u001b')
  assert.match(diffText(difference, { colour: true }), '\u001b[32m')
  assert.is(text, diffText(diff([...BASE].reverse(), [cluster(hostile, [endpoint('10.1.0.9')]), ...BASE]), { colour: false }))
  const markdown = diffMarkdown(difference)
  assert.is(markdown.split('\n').filter((line) => line.startsWith('```')).length, 2, 'one block')
  assert.match(markdown, '````diff')
  assert.not.match(markdown.split('````diff')[0] ?? '', /<b>|[^\\]\| a|\n```/)
})

test('a long list in Markdown is cut and folded', () => {
  const many = Array.from({ length: 3000 }, (_, index) => cluster(`cluster-${index}`, [endpoint('10.1.0.9')]))
  const markdown = diffMarkdown(diff(BASE, [...BASE, ...many]))
  assert.ok(markdown.length < 65_536, `${markdown.length}`)
  assert.match(markdown, '<details>')
  assert.match(markdown, 'more lines')
})

test.run()
