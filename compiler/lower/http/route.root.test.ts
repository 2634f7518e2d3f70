import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { candidates, HASH_WORDS, route as routeLayout, service as serviceLayout } from '../../../proto/http/matching.ts'
import { virtualHost } from '../../../proto/http/matching.ts'
import { SLOW_REASONS } from '../../../proto/http/sockets.ts'
import { HTTP_ROW_SIZE, nameValue } from '../../../proto/http/tables.ts'
import { agreedServices, agreeWithKernel } from '../../../scripts/routing/agree-with-kernel.ts'
import { askKernel, headText } from '../../../scripts/routing/ask-kernel.ts'
import { randomRoutingCase } from '../../../scripts/routing/random-case.ts'
import type { RoutingRequest } from '../../../scripts/routing/routing-case.ts'
import { tryRoutes } from '../../../scripts/kit/try-route.ts'
import { ipOf } from '../../../scripts/kit/small-program.ts'
import { createHttpBuilder } from './builder.ts'
import { lowerQuestion } from './conditions.ts'
import { interestFilter } from './interest.ts'
import type { HttpTables } from './lowered.ts'
import type { Question } from './question.ts'
import { createServiceScope } from './scope.ts'

const CASES = 400
const SEED = 6
const EXACTLY = '+bpf,+net_admin'
const NO_CONTEXT = {
  cluster: () => undefined,
  clusterNames: [],
  slowCluster: () => undefined,
  routeState: () => 0,
  bucketState: () => 0,
}

test('the kernel finds the route that the interpreter finds, for random configurations and requests', async () => {
  const cases = Array.from({ length: CASES }, (_, number) => randomRoutingCase(SEED, number))
  const { asked, slow, wrong } = await agreeWithKernel(cases)
  assert.equal(wrong.slice(0, 3), [], `${wrong.length} of ${asked}`)
  const fallen = [...slow.values()].reduce((sum, count) => sum + count, 0)
  assert.ok(asked > 16_000, `${asked} requests`)
  assert.ok(fallen < asked * 0.4, `${fallen} of ${asked} fell: ${JSON.stringify([...slow])}`)
  assert.is(slow.get('table'), undefined)
})

const MANAGERS = [
  { normalize_path: true },
  { normalize_path: true, merge_slashes: true },
  { merge_slashes: true },
  { path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD' },
  { strip_any_host_port: true },
  { strip_matching_host_port: true },
  { strip_trailing_host_dot: true },
  { use_remote_address: true },
  { use_remote_address: true, skip_xff_append: true },
  { use_remote_address: true, xff_num_trusted_hops: 1 },
  { xff_num_trusted_hops: 1 },
  { use_remote_address: true, internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] } },
  { internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] } },
  { via: 'here' },
  { add_user_agent: true },
  { scheme_header_transformation: { scheme_to_overwrite: 'https' } },
  { forward_client_cert_details: 'ALWAYS_FORWARD_ONLY' },
] as const

test('what connection managers do to requests is done here, too, or left to user space', async () => {
  const cases = Array.from({ length: CASES }, (_, number) => {
    const one = randomRoutingCase(SEED + 1, number)
    return { ...one, hcm: { ...one.hcm, ...MANAGERS[number % MANAGERS.length] } }
  })
  const { asked, slow, wrong } = await agreeWithKernel(cases)
  assert.equal(wrong.slice(0, 3), [], `${wrong.length} of ${asked}`)
  const fallen = [...slow.values()].reduce((sum, count) => sum + count, 0)
  assert.ok(asked > 12_000, `${asked} requests`)
  assert.ok(fallen < asked * 0.6, `${fallen} of ${asked} fell: ${JSON.stringify([...slow])}`)
})

/** A service with one virtual host, whose only route asks one question. */
function questionTables(question: Question): { readonly tables: HttpTables; readonly service: number } {
  const builder = createHttpBuilder(NO_CONTEXT)
  const row = builder.reserve(4)
  const services = agreedServices([{ id: 'q', route_config: { name: 'q', virtual_hosts: [] }, requests: [] }])
  const scope = createServiceScope(builder, services[0] as (typeof services)[number], row)
  const condition = lowerQuestion(question, scope)
  const hit = builder.push(routeLayout, { action: builder.reserve(1) })
  const root = builder.push(candidates, { route: [hit], condition: [condition] })
  const any = builder.push(virtualHost, { root, nowhere: builder.reserve(1) })
  builder.set(row, serviceLayout, { any, ...interestFilter(scope.interests) })
  return { tables: builder.finish(), service: row }
}

async function holds(
  question: Question,
  requests: readonly (Partial<RoutingRequest> & { readonly random?: bigint; readonly source?: Uint8Array })[],
): Promise<readonly (boolean | string)[]> {
  const { tables, service } = questionTables(question)
  const trial = await tryRoutes(tables)
  const answers = requests.map(({ random = 0n, source, ...request }) => {
    const head = headText({ method: 'GET', authority: 'a.com', path: '/', headers: [], ...request })
    const answer = trial.ask(head, { service, random, ...(source !== undefined && { source }) })
    return answer.verdict === 'slow'
      ? (Object.entries(SLOW_REASONS).find(([, number]) => number === answer.reason)?.[0] ?? '')
      : answer.route !== 0
  })
  trial.close()
  return answers
}

test('a fraction is that of the request\u2019s random number', async () => {
  const numbers = [0n, 4_999n, 5_000n, 1_000_004_999n, 0xffffffffffffffffn]
  const answers = await holds(
    { kind: 'fraction', numerator: 5_000, denominator: 10_000 },
    numbers.map((random) => ({ random })),
  )
  assert.equal(
    answers,
    numbers.map((random) => random % 10_000n < 5_000n),
  )
})

test('the address of the client: both families, every number of bits, and none', async () => {
  const ask = (bits: number, address: string, source: string): Promise<readonly (boolean | string)[]> =>
    holds({ kind: 'source', address: ipOf(address), bits }, [{ source: ipOf(source) }])
  assert.equal(await ask(96 + 8, '10.0.0.0', '10.255.1.2'), [true])
  assert.equal(await ask(96 + 8, '10.0.0.0', '11.0.0.0'), [false])
  assert.equal(await ask(96 + 31, '10.0.0.2', '10.0.0.3'), [true])
  assert.equal(await ask(128, '10.0.0.2', '10.0.0.3'), [false])
  assert.equal(await ask(64, 'fd00::', 'fd00::ffff:ffff:ffff:ffff'), [true])
  assert.equal(await ask(65, 'fd00::', 'fd00::ffff:ffff:ffff:ffff'), [false])
  assert.equal(await ask(0, '::', '10.0.0.3'), [true])
  assert.equal(await holds({ kind: 'source', address: ipOf('10.0.0.0'), bits: 104 }, [{}]), ['condition'])
})

test('a regex takes bytes, also those beyond ASCII', async () => {
  const question: Question = {
    kind: 'ask',
    subject: { kind: 'header', name: 'x-a' },
    comparison: { kind: 'regex', source: 'a.c|..|' },
    invert: false,
    missing: false,
  }
  const header = (value: string): Partial<RoutingRequest> => ({ headers: [['X-A', value]] })
  assert.equal(await holds(question, [header('abc'), header('\u00e9'), header('a\u00e9c'), header(''), {}]), [
    true,
    true,
    false,
    true,
    false,
  ])
})

test('long texts are compared to their ends', async () => {
  for (const length of [1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 200, 1000]) {
    const text = 'abcdefghij'.repeat(100).slice(0, length)
    const ask = (kind: 'exact' | 'prefix' | 'suffix', fold: boolean): Question => ({
      kind: 'ask',
      subject: { kind: 'header', name: 'x-a' },
      comparison: { kind, text, fold },
      invert: false,
      missing: false,
    })
    const other = `${text.slice(0, -1)}!`
    const values = [text, other, `${text}x`, `x${text}`, text.toUpperCase()].map((value) => ({ headers: [['x-a', value]] }) as const)
    assert.equal(await holds(ask('exact', false), values), [true, false, false, false, false], String(length))
    assert.equal(await holds(ask('prefix', false), values), [true, false, true, false, false], String(length))
    assert.equal(await holds(ask('suffix', true), values), [true, false, false, true, true], String(length))
  }
})

test('a question too many ends in user space', async () => {
  const asked: Question = {
    kind: 'all',
    of: Array.from({ length: 300 }, (_, index) => ({
      kind: 'ask',
      subject: { kind: 'path' },
      comparison: { kind: 'exact', text: `/${index}`, fold: false },
      invert: true,
      missing: false,
    })),
  }
  assert.equal(await holds(asked, [{ path: '/x' }, { path: '/7' }]), ['condition', false])
})

test('a hash alone decides nothing: another text under it goes to user space', async () => {
  const [one] = agreedServices([
    {
      id: 'collision',
      route_config: {
        name: 'c',
        virtual_hosts: [
          {
            name: 'v',
            domains: ['a.com'],
            routes: [
              { match: { path: '/secret' }, route: { cluster: 'c0' } },
              { match: { prefix: '/pub' }, route: { cluster: 'c0' } },
            ],
          },
        ],
      },
      requests: [],
    },
  ])
  const builder = createHttpBuilder(NO_CONTEXT)
  const { lowerService } = await import('./lower-service.ts')
  const label = (): { readonly kind: 'row'; readonly row: number } => ({ kind: 'row', row: builder.reserve(1) })
  const { row } = lowerService(one as NonNullable<typeof one>, builder, { route: label, nowhere: label, requireTls: label })
  const tables = builder.finish()
  const requests = ['/secret', '/public', '/other'].map((path) => headText({ method: 'GET', authority: 'a.com', path, headers: [] }))
  const ask = async (of: HttpTables): Promise<readonly string[]> => {
    const trial = await tryRoutes(of)
    const answers = requests.map((head) => trial.ask(head, { service: row }))
    trial.close()
    return answers.map(({ verdict, reason }) => (verdict === 'slow' ? String(reason) : verdict))
  }
  assert.equal(await ask(tables), ['routed', 'routed', 'routed'])
  // every text is another one now
  const http = tables.http.slice()
  const view = new DataView(tables.name.values.buffer, tables.name.values.byteOffset)
  for (let at = 0; at < tables.name.values.length; at += nameValue.size) {
    const text = view.getUint32(at, true) * HTTP_ROW_SIZE
    http[text] = (http[text] as number) ^ 1
  }
  const table = String(SLOW_REASONS.table)
  assert.equal(await ask({ ...tables, http }), [table, table, table])
})

test('over-long hosts and paths are not taken for shorter ones', async () => {
  const long = 'a'.repeat(HASH_WORDS * 8)
  const kernel = await askKernel(
    agreedServices([
      {
        id: 'long',
        route_config: {
          name: 'l',
          virtual_hosts: [
            {
              name: 'v',
              domains: ['a.com'],
              routes: [
                { match: { prefix: `/${long}` }, route: { cluster: 'c0' } },
                { match: { path: '/b' }, route: { cluster: 'c0' } },
              ],
            },
          ],
        },
        requests: [],
      },
    ]),
  )
  const ask = (authority: string, path: string): string => {
    const reached = kernel.ask(0, { method: 'GET', authority, path, headers: [] })
    return reached.kind === 'slow' ? 'slow' : `${reached.kind} ${reached.path.slice(-9)}`
  }
  assert.is(ask('a.com', `/${long}/more`), 'route routes[0]')
  assert.is(ask('a.com', `/${long.slice(1)}`), 'nowhere _hosts[0]')
  assert.is(ask('a.com', '/b'), 'route routes[1]')
  assert.is(ask(`${long}.com`, '/b'), 'slow')
  kernel.close()
})

test('headers are found whatever their number, length and case; others with the same ends are not', async () => {
  const sets: Readonly<Record<string, readonly string[]>> = {
    one: ['x-one'],
    many: Array.from({ length: 26 }, (_, at) => `x-${String.fromCharCode(97 + at)}${at}_name`),
    long: ['x-short', `x-${'l'.repeat(31)}`],
    alike: ['12345678-a-12345678', '12345678-b-12345678'],
  }
  const kernel = await askKernel(
    agreedServices(
      Object.entries(sets).map(([id, names]) => {
        const routes = names.map((name) => ({
          match: { prefix: '/', headers: [{ name, string_match: { exact: 'yes' } }] },
          route: { cluster: 'c0' },
        }))
        return { id, route_config: { name: id, virtual_hosts: [{ name: 'v', domains: ['*'], routes }] }, requests: [] }
      }),
    ),
  )
  for (const [index, names] of Object.values(sets).entries()) {
    const ask = (name: string): string => {
      const reached = kernel.ask(index, { method: 'GET', authority: 'a.com', path: '/', headers: [[name, 'yes']] })
      return reached.kind === 'slow' ? 'slow' : reached.path.replace(/.*(routes|virtual_hosts)/, '$1')
    }
    for (const [at, name] of names.entries()) {
      assert.is(ask(name), `routes[${at}]`, name)
      assert.is(ask(name.toUpperCase()), `routes[${at}]`, name)
      const middle = name.length >> 1
      for (const other of [
        `${name}s`,
        name.slice(0, -1),
        `${name.slice(0, middle)}q${name.slice(middle)}`,
        `${name.slice(0, middle)}q${name.slice(middle + 1)}`,
      ])
        if (!names.includes(other)) assert.is(ask(other), 'virtual_hosts[0]', other)
    }
  }
  kernel.close()
})

test('a list that is too long ends in user space, behind what it still says', async () => {
  const routes = Array.from({ length: 300 }, (_, index) => ({
    match: { prefix: '/', headers: [{ name: 'x-a', string_match: { exact: String(index) } }] },
    route: { cluster: 'c0' },
  }))
  const kernel = await askKernel(
    agreedServices([{ id: 'list', route_config: { name: 'l', virtual_hosts: [{ name: 'v', domains: ['*'], routes }] }, requests: [] }]),
  )
  const ask = (value: string): string => {
    const reached = kernel.ask(0, { method: 'GET', authority: 'a.com', path: '/', headers: [['x-a', value]] })
    return reached.kind === 'slow' ? 'slow' : reached.path.replace(/.*routes/, 'routes')
  }
  assert.is(ask('0'), 'routes[0]')
  assert.is(ask('255'), 'routes[255]')
  assert.is(ask('256'), 'slow')
  assert.is(ask('none'), 'slow')
  kernel.close()
})

test('with exactly CAP_BPF and CAP_NET_ADMIN it loads, and the last of 10,000 routes is found within the same bound of instructions', () => {
  const script = join(import.meta.dirname, '../../../scripts/routing/time-routes.ts')
  const { status, stdout, stderr } = spawnSync(
    'setpriv',
    [`--bounding-set=-all,${EXACTLY}`, '--inh-caps=-all', process.execPath, '--import', 'tsx', script, '10', '10000'],
    { encoding: 'utf8' },
  )
  assert.is(status, 0, stderr)
  const [few, many] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { routes: number; verifiedInstructions: number })
  assert.equal([few?.routes, many?.routes], [10, 10_000])
  assert.ok((few?.verifiedInstructions ?? 1e9) < 30_000, `${few?.verifiedInstructions} instructions`)
  assert.is(many?.verifiedInstructions, few?.verifiedInstructions)
})

test.run()
