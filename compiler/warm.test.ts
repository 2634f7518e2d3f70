/** Compiled again is compiled anew: the same artifact and the same delta, byte for byte, whatever was edited. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Resource, resources } from '../scripts/generate.ts'
import { readArtifact } from '../proto/artifact/read.ts'
import { compile } from './compile.ts'
import { artifactDelta } from './delta/artifact-delta.ts'
import { packDelta } from './delta/pack-delta.ts'
import { createRunningDelta } from './delta/running-delta.ts'
import { placed } from './diag/place.ts'
import { createDiagnostics } from './diag/sink.ts'
import { openToolchain } from './emit/clang.ts'
import type { Source } from './input/text.ts'
import type { Packed } from './pack/pack.ts'
import { createWarmCompiler, type WarmResult } from './warm.ts'

const OPTIONS = { resolve: new Map(), addresses: [], plaintextTo: new Set<string>(), strict: false, version: '0.1.0' }
const toolchain = await openToolchain()
const quiet = (): void => undefined

const TYPE = 'type.googleapis.com/envoy'
const NAMES = ['a', 'b', 'c', 'd'] as const
type Endpoint = { readonly address: string; readonly weight?: number; readonly health?: string; readonly key?: string }
type Model = Readonly<Record<string, readonly Endpoint[]>>

/** `d` asks for the endpoints of `c`; routes of HTTP lead to `a` and `b`. */
function snapshotOf(model: Model, style: 'compact' | 'wide', more: readonly Resource[] = []): string {
  const assignment = ([name, endpoints]: readonly [string, readonly Endpoint[]]): Resource => ({
    '@type': `${TYPE}.config.endpoint.v3.ClusterLoadAssignment`,
    clusterName: name,
    endpoints: [
      {
        lbEndpoints: endpoints.map(({ address, weight, health, key }) => ({
          endpoint: { address: { socketAddress: { address, portValue: 80 } } },
          ...(weight !== undefined && { loadBalancingWeight: weight }),
          ...(health !== undefined && { healthStatus: health }),
          ...(key !== undefined && { metadata: { filterMetadata: { 'envoy.lb': { hash_key: key } } } }),
        })),
      },
    ],
  })
  const cluster = (name: string, index: number): Resource => ({
    '@type': `${TYPE}.config.cluster.v3.Cluster`,
    name,
    type: 'EDS',
    edsClusterConfig: { edsConfig: { ads: {} }, ...(name === 'd' && { serviceName: 'c' }) },
    lbPolicy: ['ROUND_ROBIN', 'LEAST_REQUEST', 'MAGLEV', 'RANDOM'][index] as string,
  })
  const manager: Resource = {
    '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    statPrefix: 'http',
    httpFilters: [{ name: 'router', typedConfig: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` } }],
    routeConfig: {
      name: 'r',
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            { match: { prefix: '/ü' }, route: { cluster: 'a' } },
            { match: { prefix: '/' }, route: { cluster: 'b' } },
          ],
        },
      ],
    },
  }
  const listener: Resource = {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    name: 'http',
    address: { socketAddress: { address: '10.96.9.9', portValue: 80 } },
    bindToPort: false,
    filterChains: [{ filters: [{ name: 'http', typedConfig: manager }] }],
  }
  const list = [listener, ...NAMES.map(cluster), ...Object.entries(model).map(assignment), ...more]
  return style === 'compact'
    ? `[\n${list.map((one) => JSON.stringify(one)).join(',\n')}\n]`
    : JSON.stringify({ resources: list }, undefined, 2)
}

const sourceOf = (text: string): Source => ({ name: 'snapshot.json', bytes: Buffer.from(text) })

async function anew(sources: readonly Source[]): Promise<Packed> {
  const compilation = await compile(sources, OPTIONS, toolchain, createDiagnostics(), quiet)
  if (compilation === undefined) throw new Error('it does not compile')
  return compilation.packed
}

function opened(packed: Packed): Parameters<typeof artifactDelta>[0] {
  const read = readArtifact(packed.bytes)
  if (read.kind === 'invalid') throw new Error(read.error.message)
  return read.artifact
}

async function deltaAnew(base: Packed, next: Packed): Promise<Uint8Array | string> {
  const made = artifactDelta(opened(base), opened(next))
  if (made.kind === 'whole') return made.why
  return (await packDelta(made.changes, { compiler: next.config.compiler, base: [base.digest], result: next.digest })).bytes
}

/** Numbers that are the same on every run. */
function createDice(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function edited(model: Model, dice: (below: number) => number): Model {
  const name = ['a', 'b', 'c'][dice(3)] as string
  const list = [...(model[name] ?? [])]
  const fresh: Endpoint = { address: `10.1.${dice(200)}.${dice(200)}` }
  const at = dice(list.length + 1)
  switch (dice(6)) {
    case 0:
      list.splice(at, 0, fresh)
      break
    case 1:
      list.splice(at, 1)
      break
    case 2:
      list.splice(at, 1, fresh)
      break
    case 3:
      list.splice(at, 1, { ...fresh, weight: 1 + dice(5) })
      break
    case 4:
      list.splice(at, 1, { ...fresh, health: ['UNHEALTHY', 'DEGRADED', 'DRAINING'][dice(3)] as string })
      break
    default:
      list.splice(at, 1, { ...fresh, key: `ключ ${dice(9)}` })
  }
  return { ...model, [name]: list }
}

const FIRST: Model = {
  a: [{ address: '10.0.0.1' }, { address: '10.0.0.2' }],
  b: [{ address: '10.0.1.1' }],
  c: [{ address: '10.0.2.1' }, { address: '10.0.2.2' }],
}

for (const style of ['compact', 'wide'] as const) {
  test(`random edits of endpoints, ${style}: the artifact and the delta of a compiler started anew`, async () => {
    const dice = createDice(style.length)
    const warm = createWarmCompiler(OPTIONS, toolchain)
    const run = async (sources: readonly Source[]): Promise<WarmResult> => {
      const { result } = await warm.compile(sources, createDiagnostics(), quiet)
      if (result === undefined) throw new Error('it does not compile')
      return result
    }
    let model = FIRST
    const base = await run([sourceOf(snapshotOf(model, style))])
    const running = createRunningDelta(base, [base.packed.digest])
    const ways = { again: 0, whole: 0 }
    const deltas = { delta: 0, whole: 0 }
    for (let round = 0; round < 14; round++) {
      for (let edits = 1 + dice(2); edits > 0; edits--) model = edited(model, dice)
      const sources = [sourceOf(snapshotOf(model, style))]
      const result = await run(sources)
      const expected = await anew(sources)
      ways[result.way.kind]++
      assert.is(result.packed.digest, expected.digest, `round ${round}, ${JSON.stringify(result.way)}`)
      assert.ok(Buffer.from(result.packed.bytes).equals(expected.bytes))
      const made = await running.next(result, result.way.kind === 'again' ? result.way.step : undefined)
      const other = await deltaAnew(base.packed, expected)
      deltas[made.kind]++
      // where only the whole artifact will do there may be several reasons
      if (made.kind === 'delta') assert.ok(typeof other !== 'string' && Buffer.from(made.delta.bytes).equals(other), `round ${round}`)
      else assert.type(other, 'string', `round ${round}: ${made.why}`)
    }
    assert.ok(ways.again >= 6, JSON.stringify(ways))
    assert.ok(deltas.delta >= 3, JSON.stringify(deltas))
  })
}

test('many services, one endpoint more in the first, the last and in both: only those clusters', async () => {
  const all = [...resources({ services: 40, endpoints: 400, seed: 1, network: 10 })]
  const texts = all.map((one) => JSON.stringify(one))
  const withMore = (...services: readonly number[]): Source =>
    sourceOf(
      `[${texts.map((text, index) => (services.includes(index - 80) ? text.replace('"lbEndpoints":[', '"lbEndpoints":[{"endpoint":{"address":{"socketAddress":{"address":"10.9.9.9","portValue":1}}}},') : text)).join(',')}]`,
    )
  const warm = createWarmCompiler(OPTIONS, toolchain)
  await warm.compile([withMore()], createDiagnostics(), quiet)
  for (const services of [[0], [39], [0, 39], [], [17]]) {
    const sources = [withMore(...services)]
    const { result } = await warm.compile(sources, createDiagnostics(), quiet)
    assert.is(result?.way.kind, 'again', JSON.stringify(result?.way))
    assert.is(result?.packed.digest, (await anew(sources)).digest, services.join())
  }
})

test('anything else is compiled whole, and it is said why', async () => {
  const warm = createWarmCompiler(OPTIONS, toolchain)
  const way = async (...texts: readonly string[]): Promise<string> => {
    const sources = texts.map((text, index) => ({ ...sourceOf(text), name: `${index}.json` }))
    const diag = createDiagnostics()
    const { result } = await warm.compile(sources, diag, quiet)
    if (result === undefined) return diag.list.map(({ code }) => code).join()
    assert.is(result.packed.digest, (await anew(sources)).digest)
    return result.way.kind === 'again' ? `again ${result.way.step.clusters.join()}` : result.way.why
  }
  const text = snapshotOf(FIRST, 'compact')
  assert.is(await way(text), 'it is the first time')
  assert.is(await way(text), 'again ')
  assert.is(await way(text.replace('10.0.2.1', '10.0.2.9')), 'again 2,3')
  assert.is(await way(text.replace('LEAST_REQUEST', 'RANDOM')), 'more than endpoint assignments changed')
  assert.is(await way(text), 'more than endpoint assignments changed')
  assert.is(await way(text.replace(/\n\]$/, ' \n]')), 'more than endpoint assignments changed')
  assert.is(await way(text, '[]'), 'files came or went')
  assert.is(await way(text), 'files came or went')
  // an error leaves the last result to compare with
  assert.is(await way(text.replace('"10.0.0.1"', '"10.0.0.1')), 'KM1003')
  assert.is(await way(text.replace('"10.0.0.1"', '"no address"')), 'KM1309')
  assert.is(await way(text.replace('"10.0.0.1"', '"10.0.0.7"')), 'again 0')
  for (const [from, to] of [
    ['"clusterName":"a"', '"clusterName":"e"'],
    ['"clusterName":"a"', '"clusterName":"a","strange":1'],
    ['"clusterName":"a"', '"clusterName":"a","clusterName":"a"'],
    ['"10.0.0.2"', '"10.0.0.1"'],
  ] as const) {
    assert.is.not((await way(text.replace(from, to))).slice(0, 5), 'again', to)
    await way(text)
  }
})

test('a finding stands where it is, whatever was compiled again before it', async () => {
  const warm = createWarmCompiler(OPTIONS, toolchain)
  const wide = snapshotOf(FIRST, 'wide')
  const places = async (text: string): Promise<readonly string[]> => {
    const diag = createDiagnostics()
    const { locate } = await warm.compile([sourceOf(text)], diag, quiet)
    return placed(diag.list, locate).map(({ code, line, column }) => `${code} ${line}:${column}`)
  }
  assert.equal(await places(wide), [])
  const taller = wide.replace('"address": "10.0.0.1"', '\n\n"address": "10.0.0.8"')
  assert.equal(await places(taller), [])
  const broken = taller.replace('"10.0.1.1"', '"nowhere"')
  const [found] = await places(broken)
  const before = broken.slice(0, broken.indexOf('"nowhere"')).split('\n')
  assert.match(found ?? '', /^KM1309 /)
  assert.ok(Math.abs(Number(/ (\d+):/.exec(found ?? '')?.[1]) - before.length) <= 6, `${found}, line ${before.length}`)
})

test.run()
