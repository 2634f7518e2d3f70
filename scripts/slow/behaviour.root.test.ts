/** The manners of the slow path against those of a real Envoy: framing, retries, timeouts, failures of upstreams, upgrades, mutation, mirrors, faults, limits. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../oracle/envoy.ts'
import { clusterResource } from '../routing/case-resources.ts'
import { behave, type Behaved, type Behaving } from './behaviour.ts'
import { BEHAVIOUR_CASES, BEHAVIOUR_FILTERS, behaviourRoutes } from './behaviour-cases.ts'
import { type JudgedPair, startPair } from './judged-pair.ts'
import { type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts'

const PORT = 24620
const NOBODY = PORT + 9
let pair: JudgedPair
const upstreams: ScriptedUpstream[] = []
let sides: { readonly ours: Behaving; readonly envoy: Behaving }

test.before(async () => {
  for (let at = 2; at < 6; at++) upstreams.push(await startScriptedUpstream(PORT + at))
  const [ours, shadow, theirs, theirShadow] = upstreams as [ScriptedUpstream, ScriptedUpstream, ScriptedUpstream, ScriptedUpstream]
  pair = await startPair({
    routes: { ...behaviourRoutes(), validate_clusters: false },
    hcm: { http_filters: BEHAVIOUR_FILTERS },
    clusters: (side) => clusters(side === 'ours' ? PORT + 2 : PORT + 4),
    port: PORT,
  })
  sides = {
    ours: { port: pair.ours.port, upstream: ours, shadow },
    envoy: { port: pair.envoy.port, upstream: theirs, shadow: theirShadow },
  }
})

test.after(async () => {
  await pair.stop()
  await Promise.all(upstreams.map((upstream) => upstream.stop()))
})

function clusters(port: number): readonly JsonObject[] {
  const named = (name: string, hostname: string): JsonObject => ({
    name,
    type: 'STATIC',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { hostname, address: { socket_address: { address: '127.0.0.1', port_value: port } } } }] }],
    },
  })
  const empty: JsonObject = { name: 'empty', type: 'STATIC', load_assignment: { cluster_name: 'empty', endpoints: [] } }
  return [
    clusterResource('up', port),
    clusterResource('shadow', port + 1),
    clusterResource('dead', NOBODY),
    named('named', 'name.example'),
    empty,
  ]
}

/** What we do on purpose in another way. */
const OURS: Readonly<Record<string, string>> = {
  'websocket refused by the upstream': 'the client gets the body of the answer, which Envoy drops',
  'half closed': 'a client that has ended its half gets its answer; Envoy ends the connection',
}

for (const one of BEHAVIOUR_CASES) {
  test(one.name, async () => {
    const [ours, envoy] = await Promise.all([behave(sides.ours, one), behave(sides.envoy, one)])
    if (OURS[one.name] !== undefined) {
      assert.ok(ours.answer.startsWith('200 OK'), ours.answer)
      assert.not.equal(comparable(ours), comparable(envoy), 'it is no difference any more')
      return
    }
    assert.equal(comparable(ours), comparable(envoy))
    assert.ok(Math.abs(ours.took - envoy.took) <= 300, `took ${ours.took} ms, Envoy ${envoy.took} ms`)
  })
}

test('nothing is left under way', () => {
  assert.is(pair.ours.proxy.lane.active, 0)
})

function comparable({ answer, end, upstream, shadow }: Behaved): Omit<Behaved, 'took'> {
  return {
    answer: answer.replaceAll(/\n(?:[0-9a-f]+\r\n[^\r\n]*\r\n)+0\r\n/g, unchunk),
    end: ended(end),
    upstream,
    shadow: shadow.map(withoutMachine),
  }
}

/** Envoy resets where bytes of the client lie unread when it closes. */
function ended(end: Behaved['end']): Behaved['end'] {
  return end === 'reset' ? 'closed' : end
}

/** Where a stream is cut into chunks means nothing. */
function unchunk(text: string): string {
  return `\n${text.replaceAll(/[0-9a-f]+\r\n([^\r\n]*)\r\n/g, '$1')}`
}

/** Envoy tells a mirror cluster an address of its machine. */
function withoutMachine(text: string): string {
  return text.replace(/^x-forwarded-for: .*\n/m, '')
}

test.run()
