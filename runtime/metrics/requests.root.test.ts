/** Requests of all lanes in a closed network namespace: what is counted of them, what a monitor is told, and that it stays when the node process is replaced. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { command } from '../../scripts/commands.ts'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { until } from '../../scripts/kit/holder-world.ts'
import { backendCluster, httpListener } from '../../scripts/kit/http-resources.ts'
import { makeNamespace } from '../../scripts/kit/namespace.ts'
import { placed, start } from '../../scripts/kit/process.ts'
import { startServing } from '../../scripts/kit/serving.ts'
import { detach } from '../detach.ts'
import { openInstance } from '../held-generation.ts'
import { listen } from '../monitor/listen.ts'
import { existingPins } from '../place.ts'
import { boundOf, OWNER_LABELS } from './bound.ts'
import { collect } from './collect.ts'
import type { FamilyName } from './families.ts'
import { createOwnerNames } from './owners.ts'

const INSTANCE = `kmu-requests-${process.pid}`
const SERVICE = '10.66.24.1'
const BACKEND = '10.66.0.5'

const resources = [
  httpListener({
    name: 'web',
    address: SERVICE,
    virtualHost: { name: 'shop', domains: ['shop.example'] },
    routes: [
      { name: 'tea', match: { prefix: '/tea' }, direct_response: { status: 418, body: { inline_string: 'short and stout' } } },
      { name: 'slow', match: { prefix: '/slow' }, route: { cluster: 'pods', retry_policy: { retry_on: '5xx', num_retries: 2 } } },
      { name: 'rest', match: { prefix: '/' }, route: { cluster: 'pods' } },
    ],
  }),
  backendCluster('pods', BACKEND),
]

/** /slow answers with 500. */
const SERVER = `
const http = require('node:http')
http.createServer((request, response) => {
  response.statusCode = request.url.startsWith('/slow') ? 500 : 200
  response.end('hello')
}).listen(8080, process.argv[1], () => process.stdout.write('ready'))
`

const folder = mkdtempSync(join(tmpdir(), 'kmu-'))
undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
  rmSync(folder, { recursive: true, force: true })
})
const namespace = await makeNamespace({ addresses: [SERVICE, BACKEND] })
const clients = makeCgroup('kmu-clients')
const servers = makeCgroup('kmu-servers')
const place = { namespace: namespace.path, cgroup: clients.path }
const backend = start(['node', '-e', SERVER, BACKEND], { namespace: namespace.path, cgroup: servers.path }, ['ignore', 'pipe', 'inherit'])
await new Promise((resolve) => backend.stdout?.once('data', resolve))
const resident = start(['sleep', '600'], place, 'ignore')

function run(...argv: readonly [string, ...string[]]): void {
  const [program, ...rest] = argv
  const { status, stderr } = spawnSync(program, rest, { encoding: 'utf8', input: '' })
  assert.is(status, 0, stderr)
}

function curl(path: string, ...args: readonly string[]): string {
  const [program, ...rest] = placed(
    ['curl', '-sS', '-m', '10', '-w', ' %{http_code}', '-H', 'host: shop.example', ...args, `http://${SERVICE}${path}`],
    place,
  )
  return spawnSync(program as string, rest, { encoding: 'utf8' }).stdout
}

const metrics = async (): Promise<(family: FamilyName, ...labels: string[]) => number> => {
  const samples = await collect({ instance: INSTANCE, bound: boundOf(OWNER_LABELS, 1024), names: createOwnerNames() })
  return (family, ...wanted) =>
    samples
      .of(family)
      .filter(({ labels }) => wanted.every((want) => labels.some(([, value]) => value === want)))
      .reduce((sum, { value }) => sum + value, 0)
}

const snapshot = join(folder, 'snapshot.json')
const artifact = join(folder, 'artifact.tar')
writeFileSync(snapshot, JSON.stringify({ resources }))
run(...command('kmeshc'), 'compile', snapshot, '-o', artifact)
run(...command('kmesh-runtime'), 'apply', artifact, '--instance', INSTANCE, '--cgroup', clients.path)

test('requests are counted by lane, local replies by status, falls by reason', async () => {
  const before = await metrics()
  assert.is(before('holderUp'), 0)
  const serving = await startServing(INSTANCE, { observe: [servers.path] })
  await until('it accepts there', () => curl('/').endsWith(' 200'))
  const first = await metrics()
  const open = openInstance(INSTANCE)
  const listening = listen(open)
  assert.is(curl('/a', '--next', '-sS', '-w', ' %{http_code}', '-H', 'host: shop.example', `http://${SERVICE}/b`), 'hello 200hello 200')
  assert.is(curl('/tea'), 'short and stout 418')
  const { decisions } = listening.read()
  listening.close()
  open.tables.close()
  assert.equal(
    decisions.map(({ kind, listener, virtualHost, route, cluster, endpoint, status }) =>
      [kind, listener, virtualHost, route, cluster, endpoint, status].filter((part) => part !== undefined).join(' '),
    ),
    [
      'accepted web',
      `request web shop rest pods ${BACKEND}:8080`,
      `request web shop rest pods ${BACKEND}:8080`,
      'accepted web',
      'reply web shop tea 418',
    ],
  )
  assert.is(curl('/slow'), 'hello 500')
  assert.is(curl('/c', '-H', 'transfer-encoding: chunked', '-d', 'x'), 'hello 200')
  const after = await metrics()
  const grown = (family: FamilyName, ...labels: string[]): number => after(family, ...labels) - first(family, ...labels)
  assert.is(grown('routeRequests', 'rest', 'kernel'), 2)
  assert.is(grown('routeRequests', 'tea'), 1)
  assert.is(grown('routeReplies', 'tea', '418'), 1)
  assert.is(grown('requests', 'kernel'), grown('routeRequests'))
  assert.is(after('holderUp'), 1)
  assert.is(after('serving'), 1)
  assert.ok(after('slowEvents', 'requests') >= 1, 'chunked')
  assert.is(after('requests', 'user_space'), after('slowEvents', 'requests'))
  assert.ok(after('routeSlow') + after('unroutedSlow') >= 1)
  assert.ok(after('poolConnections', 'open') >= 1)
  assert.ok(after('holderEvents', 'accepted') >= 4)
  serving.leave()
  assert.is(await serving.ended, 0)
  const again = await startServing(INSTANCE, { observe: [servers.path] })
  await until('it accepts there', () => curl('/').endsWith(' 200'))
  const later = await metrics()
  for (const event of ['requests', 'forwarded', 'retries']) assert.ok(later('slowEvents', event) >= after('slowEvents', event), event)
  assert.ok(later('slowEvents', 'requests') >= 1)
  again.end()
  assert.is((await metrics())('slowEvents', 'requests'), later('slowEvents', 'requests'))
})

test.after(() => {
  resident.kill()
  backend.kill()
  namespace.remove()
})

test.run()
