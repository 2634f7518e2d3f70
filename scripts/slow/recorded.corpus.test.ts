/** Recorded routing cases through the slow path with real sockets: what a client and the backends see is what they saw with a real Envoy. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RecordedCase } from '../judging/http-cases.ts'
import { judgeSlow } from './judge-slow.ts'
import type { HttpOutcome } from '../judging/http-outcome.ts'

const PORT = 24700
const DATA = process.env.KMESH_DATA ?? ''
const FILES = ['istio-shared', 'fuzz-shared', 'corpus-oracle-shared']
/** Envoy's codec or connection manager refused the request */
const BEFORE: ReadonlySet<string> = new Set(['http1.codec_error', 'path_normalization_failed', 'absolute_path_rejected'])
/** what the connection and its proxy add */
const OWN = /^(?:x-forwarded|x-request-id|x-envoy|host$|content-length|connection$|:)/i

interface Recorded {
  readonly status: number | null
  readonly details?: string | null
  readonly cluster?: string | null
  readonly upstream_path?: string
  readonly upstream_host?: string
  readonly upstream_headers?: readonly (readonly [string, string])[]
  readonly location?: string | null
  readonly body?: string | null
}

interface Case extends RecordedCase {
  readonly outcomes: readonly Recorded[]
  readonly nondeterministic?: boolean | readonly boolean[]
}

for (const name of FILES) {
  test(name, async () => {
    const file = join(DATA, 'routing', `${name}.jsonl`)
    assert.ok(existsSync(file), file)
    const cases = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Case)
      .filter((one) => one.nondeterministic !== true && !drawsLots(one) && !needsWaypoint(one))
    const problems: string[] = []
    let compared = 0
    await judgeSlow(cases, PORT, (one, outcomes) => {
      const { nondeterministic, outcomes: recorded } = one as Case
      for (const [index, got] of outcomes.entries()) {
        const want = recorded[index] as Recorded
        const free = typeof nondeterministic === 'object' && nondeterministic[index] === true
        if (want.details == null || want.details.startsWith('?') || free) continue
        compared++
        const { method, authority, path } = one.requests[index] as Case['requests'][number]
        for (const why of differences(method, want, got)) problems.push(`${one.id} ${method} ${authority} ${path.slice(0, 80)}: ${why}`)
      }
    })
    assert.equal(problems, [])
    assert.ok(compared >= 50, String(compared))
  })
}

/** A fraction of the requests: Envoy has drawn otherwise. */
function drawsLots({ route_config }: Case): boolean {
  return /"runtime_?fraction"/i.test(JSON.stringify(route_config))
}

/** Settings that only a waypoint does: without one their requests are refused. */
function needsWaypoint({ route_config }: Case): boolean {
  return /"retry_?priority"/i.test(JSON.stringify(route_config))
}

function* differences(method: string, want: Recorded, got: HttpOutcome): Generator<string> {
  if (BEFORE.has(want.details ?? '')) {
    if (got.cluster !== null) yield `reached ${got.cluster}; Envoy: ${want.details}`
    return
  }
  if (want.details === 'via_upstream') {
    if (got.cluster === null) yield `not forwarded: ${got.status} ${got.body}`
    else if (want.cluster != null) {
      if (got.cluster !== want.cluster) yield `cluster ${got.cluster}, Envoy ${want.cluster}`
      if (got.upstream_path !== want.upstream_path) yield `path ${got.upstream_path}, Envoy ${want.upstream_path}`
      if (got.upstream_host !== want.upstream_host) yield `host ${got.upstream_host}, Envoy ${want.upstream_host}`
      const have = new Set(got.upstream_headers?.map(([name, value]) => `${name}: ${value}`))
      for (const [name, value] of want.upstream_headers ?? [])
        if (!OWN.test(name) && !have.has(`${name.toLowerCase()}: ${value}`)) yield `header ${name}: ${value} is missing`
    }
    return
  }
  if (got.cluster !== null) yield `forwarded to ${got.cluster}; Envoy: ${want.details}`
  if (got.status !== want.status) yield `status ${got.status}, Envoy ${want.status}`
  if (got.location !== (want.location ?? null)) yield `location ${got.location}, Envoy ${want.location}`
  if (method !== 'HEAD' && want.body != null && got.body !== want.body) yield 'another body'
}

test.run()
