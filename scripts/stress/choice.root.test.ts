/** Choices over many connections: weights within 3 sigma, round robin even to one, weights that Envoy refuses. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { command } from '../commands.ts'
import type { Resource } from '../generate.ts'
import type { Dialer } from '../kit/dialer.ts'
import { assignment, cluster, lbEndpoint, listener, splitService, type Target, tcpService } from './snapshots.ts'
import { makeStressWorld, type World } from './world.ts'

const CONNECTIONS = 20_000
const SIGMAS = 3
const target = (number: number): Target => ({ address: `127.96.41.${number}`, port: 27441 })
const service = { address: '127.96.40.1', port: 80 }
const targets = [1, 2, 3].map(target)

let world: World
let dialer: Dialer

test.before(async () => {
  world = await makeStressWorld(targets)
  dialer = world.dialer()
})
test.after(() => world?.close())

async function counts(count: number, cpus?: 'alternate'): Promise<number[]> {
  const tally = await dialer.dial({ protocol: 'tcp', ...service, count, ...(cpus === undefined ? {} : { cpus }) })
  assert.equal(tally.failed, {})
  return targets.map(({ address, port }) => tally.reached[`${address}:${port}`] ?? 0)
}

function deviation(count: number, share: number): number {
  const sigma = Math.sqrt(CONNECTIONS * share * (1 - share))
  return sigma === 0 ? (count === CONNECTIONS * share ? 0 : Number.POSITIVE_INFINITY) : Math.abs(count - CONNECTIONS * share) / sigma
}

/** Chance alone is outside 3 sigma once in 370 times: then a second run has to be inside, which leaves once in 130,000. */
async function expectShares(weights: readonly number[]): Promise<void> {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const worst = async (): Promise<number> => {
    const seen = await counts(CONNECTIONS)
    assert.is(
      seen.reduce((sum, count) => sum + count, 0),
      CONNECTIONS,
    )
    return Math.max(...weights.map((weight, index) => deviation(seen[index] ?? 0, weight / total)))
  }
  const first = await worst()
  const last = first > SIGMAS ? await worst() : first
  assert.ok(last <= SIGMAS, `${last.toFixed(2)} sigma for ${weights.join('/')}`)
}

for (const weights of [
  [1, 999],
  [90, 10],
  [1, 2, 4],
  [3_000_000_000, 1, 1_000_000_000],
]) {
  test(`weighted clusters ${weights.join('/')}: within ${SIGMAS} sigma over ${CONNECTIONS} connections`, async () => {
    world.apply(
      world.compile(
        splitService(
          service,
          weights.map((weight, index) => ({ ...target(index + 1), weight })),
        ),
      ),
    )
    await expectShares(weights)
  })
}

/** Envoy: "the locality weight is ... if unspecified, the locality is assigned no load" (locality_weighted_lb_config). */
test('a locality without a weight gets none of them, the other all', async () => {
  world.apply(
    world.compile([
      listener('localities', service, { cluster: 'localities' }),
      cluster('localities', 'ROUND_ROBIN', { common_lb_config: { locality_weighted_lb_config: {} } }),
      assignment('localities', [
        { locality: { zone: 'a' }, lb_endpoints: [lbEndpoint(target(1))] },
        { locality: { zone: 'b' }, lb_endpoints: [lbEndpoint(target(2))], load_balancing_weight: 100 },
      ]),
    ]),
  )
  assert.equal(await counts(CONNECTIONS), [0, CONNECTIONS, 0])
})

const weightless = (more: Resource): readonly Resource[] => [
  listener('zero', service, { cluster: 'zero' }),
  cluster('zero', 'ROUND_ROBIN'),
  assignment('zero', [{ lb_endpoints: [lbEndpoint(target(1))], ...more }]),
]

/** uint32.gte = 1 in TcpProxy.WeightedCluster.ClusterWeight, LbEndpoint and LocalityLbEndpoints: seen to be refused by Envoy 1.40. */
for (const [title, resources, path] of [
  [
    'weighted_clusters of tcp_proxy',
    splitService(service, [
      { ...target(1), weight: 0 },
      { ...target(2), weight: 100 },
    ]),
    'clusters[0]',
  ],
  ['an endpoint', weightless({ lb_endpoints: [lbEndpoint({ ...target(1), weight: 0 })] }), 'lb_endpoints[0]'],
  ['a locality', weightless({ load_balancing_weight: 0 }), 'endpoints[0]'],
] as const) {
  test(`a weight of 0 in ${title} is refused, as Envoy refuses it`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'kmesh-stress-'))
    const file = join(folder, 'zero.json')
    writeFileSync(file, JSON.stringify(resources))
    const [program, ...rest] = [...command('kmeshc'), 'check', file, '--json']
    const { status, stdout } = spawnSync(program, rest, { encoding: 'utf8' })
    rmSync(folder, { recursive: true })
    assert.is(status, 1, stdout)
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: readonly { severity: string; path: string }[] }
    assert.ok(
      diagnostics.some((one) => one.severity === 'error' && one.path.includes(path)),
      stdout,
    )
  })
}

test('round robin is even to one while the client moves between CPUs', async () => {
  world.apply(world.compile(tcpService({ name: 'even', ...service, endpoints: targets })))
  for (const count of [3000, 1000, 1001]) {
    const seen = await counts(count, 'alternate')
    assert.ok(Math.max(...seen) - Math.min(...seen) <= 1, seen.join(' '))
  }
})

test.run()
