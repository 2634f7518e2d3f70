/** Request smuggling against the slow path and a real Envoy: nothing reaches an upstream through us that does not through Envoy, and nothing that a route denies. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { clusterResource } from '../routing/case-resources.ts'
import { type JudgedPair, startPair } from '../slow/judged-pair.ts'
import { askTarget } from './ask-target.ts'
import { type RecordingUpstream, startRecordingUpstream } from './recording-upstream.ts'
import { isDenied, moreThan, readCases, type SmugglingOutcome, targetRoutes } from './smuggling-case.ts'

const PORT = 24600
let pair: JudgedPair
let upstreams: { readonly ours: RecordingUpstream; readonly envoy: RecordingUpstream }

test.before(async () => {
  upstreams = { ours: await startRecordingUpstream(PORT + 2), envoy: await startRecordingUpstream(PORT + 3) }
  pair = await startPair({
    routes: targetRoutes('up'),
    clusters: (side) => [clusterResource('up', side === 'ours' ? PORT + 2 : PORT + 3)],
    port: PORT,
  })
})

test.after(async () => {
  await pair.stop()
  await upstreams.ours.stop()
  await upstreams.envoy.stop()
})

test('the suite knows the published families', () => {
  const cases = readCases()
  assert.ok(cases.length >= 60)
  assert.is(new Set(cases.map(({ id }) => id)).size, cases.length)
  const families = new Set(cases.map(({ family }) => family))
  for (const family of [
    'CL.TE',
    'TE.CL',
    'TE.TE',
    'CL',
    'CL.0',
    'chunks',
    'bare CR and LF',
    'folding',
    'header names',
    'hosts',
    'pipelining',
  ])
    assert.ok(families.has(family), family)
})

test('we are never more permissive than Envoy', async () => {
  const problems: string[] = []
  let reached = 0
  for (const one of readCases()) {
    const [ours, envoy] = await Promise.all([
      askTarget({ host: '127.0.0.1', port: pair.ours.port, upstream: upstreams.ours }, one),
      askTarget({ host: '127.0.0.1', port: pair.envoy.port, upstream: upstreams.envoy }, one),
    ])
    reached += ours.reached.length
    const more = moreThan(ours.reached, envoy.reached, one.harmless)
    if (more.length > 0) problems.push(`${one.id}: reached through us alone: ${JSON.stringify(more)}`)
    if (ours.reached.some(isDenied)) problems.push(`${one.id}: a denied request got through: ${JSON.stringify(ours.reached)}`)
    if (isAnswered(envoy) && !isAnswered(ours)) problems.push(`${one.id}: no answer and no end`)
  }
  assert.equal(problems, [])
  assert.ok(reached > 50, 'what is harmless does get through')
  assert.is(pair.ours.proxy.lane.active, 0, 'no connection is stuck')
})

function isAnswered({ statuses, closed }: SmugglingOutcome): boolean {
  return statuses.length > 0 || closed === 'by_target'
}

test.run()
