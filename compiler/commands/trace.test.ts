/** `kmeshc trace` as a user runs it: exit codes, text, JSON that follows its schema, batches. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('../..', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'kmeshc-trace-'))
const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true })
for (const name of readdirSync(join(root, 'proto')).filter((file) => file.endsWith('.schema.json'))) {
  ajv.addSchema(JSON.parse(readFileSync(join(root, 'proto', name), 'utf8')) as object)
}

const SNAPSHOT = `resources:
- "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
  name: http
  virtual_hosts:
  - name: reviews
    domains: [reviews, "reviews:9080"]
    routes:
    - name: jason
      match: {prefix: /, headers: [{name: end-user, string_match: {exact: jason}}]}
      route: {cluster: v2, retry_policy: {retry_on: envoy-ratelimited}, hash_policy: [{header: {header_name: x}}]}
    - name: rest
      match: {prefix: /}
      route: {cluster: v1}
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: v1
  type: STATIC
  connect_timeout: 1s
  load_assignment: {cluster_name: v1, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 10.1.0.1, port_value: 80}}}}]}]}
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: v2
  type: STATIC
  connect_timeout: 1s
`
const snapshot = join(directory, 'snapshot.yaml')
writeFileSync(snapshot, SNAPSHOT)

interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function trace(args: readonly string[], input = ''): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'compiler/main.ts', 'trace', ...args], {
    cwd: root,
    encoding: 'utf8',
    input,
  })
  return { code: status, stdout, stderr }
}

test('text names each place with file, line and column', () => {
  const { code, stdout } = trace([snapshot, '--request', 'GET http://reviews:9080/api?x=1', '-H', 'user-agent: t'])
  assert.is(code, 0)
  assert.match(stdout, /^virtual host +reviews \(.*snapshot\.yaml:5:5\), for its domain "reviews:9080"$/m)
  assert.match(stdout, /^not +jason \(.*snapshot\.yaml:8:7\): the header end-user is missing/m)
  assert.match(stdout, /^route +rest \(.*snapshot\.yaml:11:7\)$/m)
  assert.match(stdout, /^endpoint +10\.1\.0\.1:80, 100 %$/m)
  assert.match(stdout, /^lane +(?:switched|direct)$/m)
})

test('JSON follows its schema', () => {
  const validate = ajv.getSchema('trace.schema.json')
  for (const headers of [['-H', 'End-User: jason'], []]) {
    const { code, stdout } = trace([
      snapshot,
      '--request',
      'http://reviews/',
      ...headers,
      '--source',
      '10.0.0.7',
      '--random',
      '0.5',
      '--json',
    ])
    assert.is(code, 0)
    const output = JSON.parse(stdout) as { readonly cluster: string; readonly lane_reason: string | null }
    assert.ok(validate?.(output), JSON.stringify(validate?.errors?.slice(0, 3)))
    assert.is(output.cluster, headers.length > 0 ? 'v2' : 'v1')
    assert.is(output.lane_reason, headers.length > 0 ? 'retries on envoy-ratelimited' : null)
  }
})

test('nothing takes the request, no such route configuration, an unreadable snapshot or batch: 1 with a code', () => {
  for (const [code, args] of [
    ['KM1713', [snapshot, '--request', 'http://other/']],
    ['KM1712', [snapshot, '--request', 'http://reviews/', '--route-config', 'nope']],
    ['KM1712', [snapshot, '--batch', '-', '--route-config', 'nope']],
    ['KM1001', [join(directory, 'none.json'), '--request', 'http://reviews/', '--route-config', 'http']],
    ['KM1001', [snapshot, '--batch', join(directory, 'none.jsonl')]],
  ] as const) {
    const run = trace(args)
    assert.is(run.code, 1, args.join(' '))
    assert.match(run.stderr, code)
    assert.not.match(run.stderr, /\n {4}at /)
  }
})

test('wrong usage exits 2', () => {
  for (const args of [
    [snapshot],
    [snapshot, '--request', '/', '--batch', 'x'],
    [snapshot, '--request', 'a b c'],
    [snapshot, '--request', '/', '-H', 'x'],
    [snapshot, '--request', '/', '--random', '1'],
  ])
    assert.is(trace(args).code, 2, args.join(' '))
})

test('a batch on standard input', () => {
  const line = (more: object): string => JSON.stringify({ id: 1, authority: 'reviews', method: 'GET', path: '/', headers: [], ...more })
  const good = trace([snapshot, '--route-config', 'http', '--batch', '-'], `${line({})}\n${line({ headers: [['end-user', 'jason']] })}\n`)
  assert.is(good.code, 0)
  assert.is(good.stderr, '')
  assert.equal(
    good.stdout
      .trim()
      .split('\n')
      .map((one) => (JSON.parse(one) as { cluster: string }).cluster),
    ['v1', 'v2'],
  )
  const bad = trace([snapshot, '--batch', '-'], `nonsense\n${line({})}\n`)
  assert.is(bad.code, 1)
  assert.is(bad.stdout.trim().split('\n').length, 2)
})

test.after(() => rmSync(directory, { recursive: true }))
test.run()
