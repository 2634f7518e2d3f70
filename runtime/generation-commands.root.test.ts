import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ajv } from 'ajv'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { command } from '../scripts/commands.ts'
import { deltaFile } from '../scripts/kit/artifacts-delta.ts'
import { undoAtExit } from '../scripts/kit/cleanup.ts'
import { governedArtifact } from '../scripts/kit/governed-artifact.ts'
import { kernelView } from '../scripts/kit/kernel-view.ts'
import { detach } from './detach.ts'
import { history } from './history.ts'
import { existingPins } from './place.ts'

const INSTANCE = `kmh-commands-${process.pid}`
const folder = mkdtempSync(join(tmpdir(), 'kmh-'))
const SERVICE = '127.68.3.1:80'
const server = createServer((_, response) => response.setHeader('server-name', 'one').end('hello'))
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
server.unref()
const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`
/** Nobody listens there. */
const nobody = '127.68.3.2:9'

undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
  rmSync(folder, { recursive: true, force: true })
})

const shop = (endpoints: readonly string[]) => governedArtifact([{ name: 'shop', address: '127.68.3.1', port: 80, endpoints }])

function written(name: string, bytes: Uint8Array): string {
  const file = join(folder, name)
  writeFileSync(file, bytes)
  return file
}

const artifactFile = async (name: string, endpoints: readonly string[]): Promise<string> => written(name, (await shop(endpoints)).bytes)

const good = await artifactFile('good.tar', [endpoint])
const bad = await artifactFile('bad.tar', [nobody])

const ajv = new Ajv({ strict: true, strictRequired: false })
const schemas = new URL('../proto/', import.meta.url)
for (const name of readdirSync(schemas))
  if (name.endsWith('.schema.json')) ajv.addSchema(JSON.parse(readFileSync(new URL(name, schemas), 'utf8')) as object)

interface Ran {
  readonly status: number | null
  readonly output: Record<string, unknown>
  readonly codes: readonly string[]
  readonly text: string
}

const argv = (args: readonly string[]): readonly [string, ...string[]] => [...command('kmesh-runtime'), ...args, '--instance', INSTANCE]

/** Asynchronous: the server answers in this process. */
async function run(...args: readonly string[]): Promise<Ran> {
  const [program, ...rest] = argv([...args, '--json'])
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  let errors = ''
  child.stdout.on('data', (piece) => (text += String(piece)))
  child.stderr.on('data', (piece) => (errors += String(piece)))
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve))
  assert.ok(text.startsWith('{'), `${args.join(' ')}: ${text}${errors}`)
  const output = JSON.parse(text) as Record<string, unknown> & { diagnostics: { code: string }[] }
  assert.ok(ajv.validate(`${args[0]}.schema.json`, output), `${args[0]}: ${ajv.errorsText()}\n${text}`)
  return { status, output, codes: output.diagnostics.map(({ code }) => code), text }
}

/** Starts an apply that waits for its confirmation. */
async function waitingApply(file: string, within: string) {
  const [program, ...rest] = argv(['apply', file, '--confirm-within', within])
  const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (piece) => (errors += String(piece)))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  for (let i = 0; i < 600 && !errors.includes('is taken back in'); i++) await sleep(20)
  return { child, ended, errors: () => errors }
}

const live = (): number => history(INSTANCE).generations.find(({ state }) => state === 'live')?.generation ?? 0

test('a first plan, and the apply that follows it', async () => {
  const plan = join(folder, 'first.plan')
  const planned = await run('plan', good, '-o', plan)
  assert.is(planned.status, 0)
  assert.equal(kernelView(INSTANCE).pins, {})
  assert.equal((planned.output.changes as { clusters: unknown }).clusters, { added: ['shop'], changed: [], removed: [] })
  assert.equal(planned.output.inForce, { generation: 0, artifact: '' })
  assert.is((planned.output.links as { attach: unknown[] }).attach.length, 10)
  assert.equal(JSON.parse(readFileSync(plan, 'utf8')), planned.output)
  const applied = await run('apply', good, '--plan', plan)
  assert.is(applied.status, 0)
  const { memory } = applied.output as { memory: { tables: Record<string, number>; shared: number } }
  const made = Object.values(memory.tables).reduce((sum, bytes) => sum + bytes, 0) - memory.shared
  assert.is((planned.output.bytes as { made: number }).made, made, 'the plan said how much memory')
  assert.equal((await run('apply', good, '--plan', plan)).codes, ['KM9128'])
  assert.equal((await run('apply', bad, '--plan', plan)).codes, ['KM9128'])
  assert.equal((await run('apply', bad, '--plan', good)).codes, ['KM9134'])
})

test('a plan names what changes', async () => {
  const { output, status } = await run('plan', bad, '--keep', '0')
  assert.is(status, 0)
  const changes = output.changes as Record<string, unknown>
  assert.equal(changes.clusters, {
    added: [],
    changed: [{ name: 'shop', endpointsAdded: [nobody], endpointsRemoved: [endpoint], other: [] }],
    removed: [],
  })
  assert.equal(changes.listeners, { added: [], changed: [], removed: [] })
  assert.equal(output.clears, [1])
  assert.equal((output.programs as { load: unknown }).load, [])
  assert.ok((output.bytes as { shared: number }).shared > 0)
  const [program, ...rest] = argv(['plan', bad])
  assert.match(spawnSync(program, rest, { encoding: 'utf8' }).stdout, `~ cluster shop +${nobody} -${endpoint}`)
})

test('probes: met, or the generation is taken back', async () => {
  const probes = join(folder, 'probes.json')
  const probe = (list: readonly unknown[]): void => writeFileSync(probes, JSON.stringify({ probes: list }))
  probe([
    { dial: SERVICE, expect: { endpoints: [endpoint] }, times: 3 },
    { dial: SERVICE, request: { path: '/' }, response: { status: 200, headers: { 'server-name': 'one' }, body: 'hell' } },
  ])
  assert.is((await run('apply', good, '--probe', probes)).status, 0)
  const before = live()
  const failed = await run('apply', bad, '--probe', probes)
  assert.is(failed.status, 1)
  assert.equal(failed.codes, ['KM9129', 'KM9129'])
  assert.is(live(), before)
  probe([{ dial: SERVICE, expect: 'refused' }])
  assert.is((await run('apply', bad, '--probe', probes)).status, 0)
  probe([{ dial: SERVICE, request: { path: '/' }, response: { status: 404 } }])
  assert.match((await run('apply', good, '--probe', probes)).text, 'expected status 404: 200')
  probe([{ dial: 'nowhere' }])
  assert.equal((await run('apply', good, '--probe', probes)).codes, ['KM9134'])
})

test('--confirm-within: confirmed, or taken back when the time is over, by a signal, or by the next command', async () => {
  assert.is((await run('apply', good)).status, 0)
  const before = live()
  const confirmed = await waitingApply(bad, '60s')
  assert.equal((await run('apply', good)).codes, ['KM9130'])
  assert.is((await run('confirm')).status, 0)
  assert.is(await confirmed.ended, 0)
  assert.is(live() > before, true)
  const kept = live()

  const late = await waitingApply(good, '1s')
  assert.is(await late.ended, 1)
  assert.match(late.errors(), 'KM9131')
  assert.is(live(), kept)

  const stopped = await waitingApply(good, '60s')
  assert.ok(live() > kept)
  stopped.child.kill('SIGTERM')
  assert.is(await stopped.ended, 1)
  assert.is(live(), kept)

  const rolled = await waitingApply(good, '60s')
  assert.is((await run('rollback')).status, 0)
  assert.is(await rolled.ended, 1)
  assert.is(live(), kept)

  const killed = await waitingApply(good, '1s')
  killed.child.kill('SIGKILL')
  await killed.ended
  assert.ok(live() > kept)
  await sleep(1100)
  assert.equal((await run('confirm')).codes, ['KM9131'])
  assert.is(live(), kept)
})

test('deltas: plan, dry run, probes, --keep and --confirm-within as with whole artifacts', async () => {
  await run('apply', good)
  const [whole, other] = [(await shop([endpoint])).artifact, (await shop([nobody])).artifact]
  const there = written('there.tar', await deltaFile(whole, other))
  const back = written('back.tar', await deltaFile(other, whole))
  const view = kernelView(INSTANCE)
  const inForce = live()
  const plan = join(folder, 'delta.plan')
  const planned = await run('plan', there, '-o', plan, '--keep', '2')
  assert.is(planned.status, 0)
  assert.equal((planned.output.changes as { clusters: unknown }).clusters, {
    added: [],
    changed: [{ name: 'shop', endpointsAdded: [nobody], endpointsRemoved: [endpoint], other: [] }],
    removed: [],
  })
  assert.equal(planned.output.inForce, { generation: inForce, artifact: whole.digest })
  assert.is(planned.output.artifact, other.digest)
  const { room, rows, spare } = planned.output.delta as { room: string; rows: number; spare: number }
  assert.is(room, 'enough')
  const { listenerKeys, endpoints } = planned.output.entries as { listenerKeys: number; endpoints: number }
  assert.equal([listenerKeys, endpoints], [1, 1])
  const dry = await run('apply', there, '--dry-run')
  assert.is(dry.output.mode, 'dry-run')
  assert.equal(kernelView(INSTANCE), view, 'neither changed anything')

  const probes = written('delta.probes', Buffer.from(JSON.stringify({ probes: [{ dial: SERVICE, expect: { endpoints: [endpoint] } }] })))
  assert.equal((await run('apply', there, '--probe', probes)).codes, ['KM9129'])
  assert.is(live(), inForce)
  assert.equal({ ...kernelView(INSTANCE), records: [] }, { ...view, records: [] })

  const applied = await run('apply', there, '--plan', plan)
  assert.is(applied.status, 0)
  assert.equal([applied.output.artifact, (applied.output.delta as { spare: number }).spare], [other.digest, spare])
  assert.ok(rows > 0)
  assert.is(history(INSTANCE).keep, 2)
  assert.equal((await run('apply', there, '--plan', plan)).codes, ['KM9128'])
  assert.equal((await run('plan', there)).codes, ['KM9137'])
  assert.equal((await run('apply', back, '--cgroup', '/sys/fs')).codes, ['KM9139'])

  const before = live()
  const waiting = await waitingApply(back, '30s')
  assert.ok(live() > before)
  waiting.child.kill('SIGTERM')
  assert.is(await waiting.ended, 1, waiting.errors())
  assert.is(live(), before)
  assert.equal((await run('apply', back, '--probe', probes)).codes, [])
})

test('history, gc and rollback', async () => {
  const { output } = await run('history')
  assert.is((output.generations as { state: string }[]).filter(({ state }) => state === 'live').length, 1)
  assert.is((await run('rollback')).status, 0)
  assert.is((await run('gc', '--keep', '0')).status, 0)
  assert.is(history(INSTANCE).generations.length, 1)
  assert.equal((await run('rollback')).codes, ['KM9127'])
  const [program, ...rest] = argv(['gc', '--keep', '99'])
  assert.is(spawnSync(program, rest).status, 2)
  detach(INSTANCE)
  assert.equal((await run('rollback')).codes, ['KM9106'])
})

test.run()
