/** A real Prometheus on loopback scrapes `kmesh-runtime metrics`, takes the alert rules and evaluates every expression of alerts and dashboard; promtool reads the text format. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { command } from '../../scripts/commands.ts'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { startDialer } from '../../scripts/kit/dialer.ts'
import { governedArtifact } from '../../scripts/kit/governed-artifact.ts'
import { noMachine } from '../../scripts/kit/no-machine.ts'
import { apply } from '../apply.ts'
import { detach } from '../detach.ts'
import { existingPins } from '../place.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const INSTANCE = `kmu-prometheus-${process.pid}`
const HOST = '127.66.3.1'
const NAME = 'odd "name" \\ of\ntwo lines'
const folder = mkdtempSync(join(tmpdir(), 'kmu-'))
const children: ChildProcess[] = []
undoAtExit(() => {
  for (const child of children) child.kill('SIGKILL')
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
  rmSync(folder, { recursive: true, force: true })
})

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, HOST, () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (await holds().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`never: ${what}`)
}

const cgroup = makeCgroup('kmu-prometheus')
const { artifact } = await governedArtifact([{ name: NAME, address: '127.66.3.9', port: 80, endpoints: ['127.66.3.8:80'] }])
await apply({ artifact, instance: INSTANCE, diverted: 'refuse', mode: 'apply', host: noMachine(), cgroup: cgroup.path })
const dialer = startDialer({ cgroup: cgroup.path })
await dialer.dial({ protocol: 'tcp', address: '127.66.3.9', port: 80, count: 7 })
dialer.stop()

const [metricsPort, port] = [await freePort(), await freePort()]
const runtime = (...args: readonly string[]): readonly [string, ...string[]] => [
  ...command('kmesh-runtime'),
  ...args,
  '--instance',
  INSTANCE,
]
const run = ([program, ...rest]: readonly [string, ...string[]], log: 'ignore' | 'inherit' = 'ignore'): ChildProcess => {
  const child = spawn(program, rest, { stdio: ['ignore', log, log] })
  children.push(child)
  return child
}
const metrics = run(runtime('metrics', '--listen', `${HOST}:${metricsPort}`))
writeFileSync(
  join(folder, 'prometheus.yml'),
  `global: {scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 2s}
rule_files: ['${ROOT}deploy/prometheus/alerts.yaml']
scrape_configs: [{job_name: kmesh, static_configs: [{targets: ['${HOST}:${metricsPort}']}]}]
`,
)
run([
  'prometheus',
  `--config.file=${join(folder, 'prometheus.yml')}`,
  `--storage.tsdb.path=${join(folder, 'data')}`,
  `--web.listen-address=${HOST}:${port}`,
  '--log.level=error',
])

const ask = async <T>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> => {
  const response = await fetch(`http://${HOST}:${port}/api/v1/${path}?${new URLSearchParams(parameters)}`)
  const { status, data, error } = (await response.json()) as { status: string; data: T; error?: string }
  assert.is(status, 'success', `${JSON.stringify(parameters)}: ${error}`)
  return data
}
interface Vector {
  readonly result: readonly { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] }[]
}

test('it is scraped as OpenMetrics, odd names and all', async () => {
  await until('a scrape', async () => (await ask<Vector>('query', { query: 'kmesh_up' })).result.length === 1)
  const { activeTargets } = await ask<{ activeTargets: { health: string; lastError: string }[] }>('targets')
  assert.equal(
    activeTargets.map(({ health, lastError }) => [health, lastError]),
    [['up', '']],
  )
  const { result } = await ask<Vector>('query', { query: 'kmesh_endpoint_failures_total{reason="connect_failed"}' })
  assert.is(result[0]?.metric.cluster, NAME)
  assert.is(result[0]?.value[1], '7')
  const kinds = await ask<Readonly<Record<string, readonly { type: string; unit: string }[]>>>('metadata')
  // only OpenMetrics says what is an info, and units
  assert.is(kinds.kmesh_build?.[0]?.type, 'info')
  assert.is(kinds.kmesh_memory_bytes?.[0]?.unit, 'bytes')
  assert.is(kinds.kmesh_cluster_connections?.[0]?.type, 'counter')
})

test('its rules are taken, evaluate, and none of them fires here', async () => {
  await until('an evaluation', async () => {
    const { groups } = await ask<{ groups: { rules: { health: string }[] }[] }>('rules')
    const rules = groups.flatMap((group) => group.rules)
    return rules.length >= 10 && rules.every(({ health }) => health === 'ok')
  })
  // before the first scrape there was nothing
  await until('no alert', async () => (await ask<{ alerts: readonly unknown[] }>('alerts')).alerts.length === 0)
})

test('every expression of the dashboard is one that Prometheus evaluates', async () => {
  const { panels } = JSON.parse(readFileSync(join(ROOT, 'deploy/prometheus/dashboard.json'), 'utf8')) as {
    panels: { title: string; targets?: { expr: string }[] }[]
  }
  for (const { targets = [] } of panels)
    for (const { expr } of targets) await ask('query', { query: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*') })
})

test('an artifact that is refused is counted', async () => {
  const file = join(folder, 'no.tar')
  writeFileSync(file, 'no artifact')
  const [program, ...rest] = runtime('apply', file)
  assert.is(spawnSync(program, rest, { encoding: 'utf8' }).status, 1)
  await until('it shows', async () => {
    const { result } = await ask<Vector>('query', { query: 'kmesh_applies_total{kind="artifact", result="refused"}' })
    return result[0]?.value[1] === '1'
  })
})

test('promtool takes the rules and the text format', () => {
  const rules = spawnSync('promtool', ['check', 'rules', join(ROOT, 'deploy/prometheus/alerts.yaml')], { encoding: 'utf8' })
  assert.is(rules.status, 0, rules.stdout + rules.stderr)
  const [program, ...rest] = runtime('metrics', '--format', 'classic')
  const classic = spawnSync(program, rest, { encoding: 'utf8' })
  assert.is(classic.status, 0, classic.stderr)
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: classic.stdout, encoding: 'utf8' })
  assert.is(checked.status, 0, checked.stdout + checked.stderr)
})

test('without an instance it says so, and SIGTERM ends it', async () => {
  detach(INSTANCE)
  await until('down', async () => (await ask<Vector>('query', { query: 'kmesh_up' })).result[0]?.value[1] === '0')
  const once = spawnSync(runtime('metrics')[0], runtime('metrics').slice(1), { encoding: 'utf8' })
  assert.is(once.status, 1)
  assert.match(once.stderr, /^error KM9106:/)
  metrics.kill('SIGTERM')
  assert.is(await new Promise((resolve) => metrics.once('exit', resolve)), 0)
})

test.after(() => {
  for (const child of children) child.kill('SIGKILL')
})

test.run()
