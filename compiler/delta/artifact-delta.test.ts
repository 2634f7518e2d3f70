/** base + delta = next, for artifacts that differ in endpoints; anything else needs the whole artifact. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ROW_SIZE } from '../../proto/abi.ts'
import type { Artifact } from '../../proto/artifact/format.ts'
import { readArtifact } from '../../proto/artifact/read.ts'
import { smallPlan, sampleInput } from '../../scripts/kit/sample-artifact.ts'
import type { SmallService } from '../../scripts/kit/small-program.ts'
import { pack } from '../pack/pack.ts'
import { type ArtifactDelta, artifactDelta } from './artifact-delta.ts'
import { clusterBlocks } from './cluster-blocks.ts'
import { ownerText } from './owners.ts'

const SERVICES: readonly SmallService[] = ['a', 'b', 'c'].map((name, index) => ({
  name: `outbound|80||${name}.shop.svc.cluster.local`,
  listener: `listener-${name}`,
  address: `127.96.0.${index}`,
  port: 80,
  endpoints: [1, 2, 3].map((number) => `10.0.${index}.${number}:8080`),
}))

const withEndpoints = (name: string, endpoints: readonly string[]): readonly SmallService[] =>
  SERVICES.map((service) => (service.listener === `listener-${name}` ? { ...service, endpoints } : service))

async function artifact(services: readonly SmallService[], files: Readonly<Record<string, string>> = {}): Promise<Artifact> {
  const input = sampleInput(smallPlan(services))
  const { bytes } = await pack({ ...input, ...(files['services.json'] !== undefined && { services: Buffer.from(files['services.json']) }) })
  const read = readArtifact(bytes)
  if (read.kind === 'invalid') throw new Error(read.error.message)
  return read.artifact
}

const base = await artifact(SERVICES)

/** Every cluster's rows with owners instead of indices: what the kernel gets, whichever way. */
function meaning({ tables }: Artifact): readonly string[] {
  return clusterBlocks(tables).map(({ bytes, tiers, relocations }) => textOf(bytes, tiers, relocations, tables.states))
}

function textOf(bytes: Uint8Array, tiers: number, relocations: Iterable<number>, states: Uint8Array): string {
  const rows = Buffer.from(bytes)
  const owners = [...relocations].map((offset) => {
    const owner = ownerText(states, rows.readUInt32LE(offset))
    rows.writeUInt32LE(0, offset)
    return `${offset}=${owner}`
  })
  return `${tiers} ${rows.toString('hex')} ${owners.join()}`
}

function added(old: Artifact, made: ArtifactDelta): readonly string[] {
  if (made.kind === 'whole') throw new Error(made.why)
  const { clusters, rows, owners, relocations } = made.changes
  const result = [...meaning(old)]
  for (const [index, first, count, tiers] of clusters) {
    const [start, end] = [first * ROW_SIZE, (first + count) * ROW_SIZE]
    const own = [...relocations].filter((offset) => offset >= start && offset < end).map((offset) => offset - start)
    result[index] = textOf(rows.subarray(start, end), tiers, own, owners)
  }
  return result
}

test('an endpoint that comes, goes or moves: its cluster alone', async () => {
  for (const endpoints of [
    ['10.0.1.1:8080', '10.0.1.2:8080', '10.0.1.3:8080', '10.0.1.4:8080'],
    ['10.0.1.3:8080'],
    ['10.9.9.9:1', '10.0.1.2:8080', '10.0.1.3:8080'],
    [],
  ]) {
    const next = await artifact(withEndpoints('b', endpoints))
    const made = artifactDelta(base, next)
    assert.is(made.kind === 'delta' && made.changes.clusters.length, 1, endpoints.join())
    assert.is(made.kind === 'delta' && made.changes.clusters[0]?.[0], 1)
    assert.equal(added(base, made), meaning(next))
    assert.is.not(meaning(base).join(), meaning(next).join())
  }
})

test('many clusters at once; back again is a delta too', async () => {
  const next = await artifact(SERVICES.map((service, index) => ({ ...service, endpoints: [`10.7.0.${index}:80`, '10.7.1.1:80'] })))
  for (const [from, to] of [
    [base, next],
    [next, base],
  ] as const) {
    const made = artifactDelta(from, to)
    assert.is(made.kind === 'delta' && made.changes.clusters.length, 3)
    assert.equal(added(from, made), meaning(to))
  }
})

test('nothing: no cluster', async () => {
  const made = artifactDelta(base, base)
  assert.equal(made.kind === 'delta' && [made.changes.clusters, made.changes.rows.length, 'services' in made.changes], [[], 0, false])
})

test('a listener, a cluster, a program: the whole artifact, and why', async () => {
  const why = (next: Artifact): string => {
    const made = artifactDelta(base, next)
    return made.kind === 'whole' ? made.why : 'a delta'
  }
  assert.is(why(await artifact(SERVICES.slice(1))), 'listeners differ')
  assert.is(why(await artifact(SERVICES.map((service) => ({ ...service, port: 81 })))), 'listeners differ')
  assert.is(why({ ...base, programs: new Map([...base.programs, ['entry', new Uint8Array(96)]]) }), 'programs differ')
  assert.is(why({ ...base, tables: { ...base.tables, chain: base.tables.chain.map((byte) => byte ^ 1) } }), 'filter chains differ')
  assert.is(
    why({ ...base, tables: { ...base.tables, cluster: base.tables.cluster.map((byte, at) => (at === 0 ? 1 : byte)) } }),
    'settings of clusters differ',
  )
  assert.is(why({ ...base, tables: { ...base.tables, http: new Uint8Array(32) } }), 'routes differ')
})

test('the services document: resources that come, go and change, anywhere in the list', async () => {
  const text = (resources: readonly object[]): Readonly<Record<string, string>> => ({
    'services.json': JSON.stringify({ schemaVersion: 1, resolve: {}, plaintextTo: [], resources }),
  })
  const eds = (name: string, port: number): object => ({ '@type': 'eds', cluster_name: name, port })
  const old = await artifact(SERVICES, text(['a', 'c', 'e', 'g'].map((name) => eds(name, 1))))
  const changed = ['a', 'b', 'd', 'e', 'h'].map((name) => eds(name, name === 'e' ? 2 : 1))
  const made = artifactDelta(old, await artifact(SERVICES, text(changed)))
  assert.equal(made.kind === 'delta' && made.changes.services, [
    { at: 1, remove: 3, insert: [eds('b', 1), eds('d', 1), eds('e', 2), eds('h', 1)] },
  ])
  const one = artifactDelta(old, await artifact(SERVICES, text([eds('a', 1), eds('c', 1), eds('e', 9), eds('g', 1)])))
  assert.equal(one.kind === 'delta' && one.changes.services, [{ at: 2, remove: 1, insert: [eds('e', 9)] }])
  const gone = artifactDelta(old, base)
  assert.is(gone.kind === 'whole' && gone.why, 'HTTP services come or go')
})

test.run()
