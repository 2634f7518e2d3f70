/** `scripts/judge http`: what client and backends saw of each case, the lane of each request, a case that is refused among others, files that hold none. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from './commands.ts'

const get = (path: string) => ({ method: 'GET', authority: 'a.example', path, headers: [['x-a', 'b']] })
const routes = (...list: readonly object[]) => ({ name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes: list }] })
const CASES = [
  { id: 'straight', route_config: routes({ match: { prefix: '/' }, route: { cluster: 'one', timeout: '0s' } }), requests: [get('/x')] },
  { id: 'refused', route_config: routes({ match: { safe_regex: { regex: '(' } }, route: { cluster: 'one' } }), requests: [get('/x')] },
  {
    id: 'each',
    route_config: routes(
      { match: { path: '/moved' }, redirect: { path_redirect: '/new' } },
      { match: { path: '/gone' }, direct_response: { status: 410, body: { inline_string: 'gone' } } },
      { match: { prefix: '/late' }, route: { cluster: 'two', retry_policy: { retry_on: 'envoy-ratelimited' } } },
      { match: { prefix: '/b/' }, route: { cluster: 'two', prefix_rewrite: '/' } },
    ),
    requests: [get('/moved'), get('/gone'), get('/late'), get('/b/c?d'), get('/nothing')],
  },
]

interface Line {
  readonly id?: string
  readonly outcomes?: readonly Outcome[]
  readonly refused?: string
  readonly lanes?: Readonly<Record<string, number>>
}

interface Outcome {
  readonly status: number
  readonly details: string
  readonly cluster: string | null
  readonly upstream_path?: string
  readonly location: string | null
  readonly body: string
  readonly lane: string
}

function judge(text: string): {
  readonly status: number | null
  readonly lines: readonly Line[]
  readonly stderr: string
} {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-judge-test-'))
  const file = join(folder, 'cases.jsonl')
  writeFileSync(file, text)
  const args = ['--import', 'tsx', join(ROOT, 'scripts/judge.ts'), 'http', file, '--first-port', '26650']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  const lines = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
  return { status, lines, stderr }
}

test('each case in its order, in the lane it took; one that is refused stops none of the others', () => {
  const { status, lines, stderr } = judge(CASES.map((one) => JSON.stringify(one)).join('\n'))
  assert.is(status, 1, stderr)
  assert.equal(
    lines.map(({ id }) => id),
    ['straight', 'refused', 'each', undefined],
  )
  const [straight, refused, each, last] = lines
  assert.match(refused?.refused ?? '', /KM\d{4}/)
  assert.equal(refused?.outcomes, [])
  const [direct] = straight?.outcomes ?? []
  assert.equal([direct?.status, direct?.cluster, direct?.upstream_path, direct?.lane], [200, 'one', '/x', 'direct'])
  assert.equal(
    (each?.outcomes ?? []).map((one) => [one.status, one.details, one.cluster, one.upstream_path ?? one.location ?? one.body]),
    [
      [301, 'direct_response', null, 'http://a.example/new'],
      [410, 'direct_response', null, 'gone'],
      [200, 'via_upstream', 'two', '/late'],
      [200, 'via_upstream', 'two', '/c?d'],
      [404, 'route_not_found', null, ''],
    ],
  )
  assert.equal(
    (each?.outcomes ?? []).filter((_, index) => index !== 3).map(({ lane }) => lane),
    ['switched', 'switched', 'user-space', 'switched'],
  )
  assert.is(
    Object.values(last?.lanes ?? {}).reduce((sum, count) => sum + count, 0),
    6,
  )
})

for (const [what, text] of [
  ['no JSON', 'x\n'],
  ['no requests', '{"id": "a", "route_config": {}}\n'],
  ['no object', '\n\n[]\n'],
] as const) {
  test(`a line with ${what} is named`, () => {
    const { status, lines, stderr } = judge(text)
    assert.is(status, 1)
    assert.equal(lines, [])
    assert.match(stderr, /^judge: .*cases\.jsonl:\d+: no case/)
  })
}

test.run()
