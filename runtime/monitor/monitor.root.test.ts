/** Decisions as they are made: nothing while nobody listens, all of it while somebody does, and a count of what found no room. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { monitor as layout } from '../../proto/watching.ts'
import { command } from '../../scripts/commands.ts'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { codesOf } from '../../scripts/kit/codes-of.ts'
import { startDialer } from '../../scripts/kit/dialer.ts'
import { governedArtifact } from '../../scripts/kit/governed-artifact.ts'
import { heldDescriptors } from '../../scripts/kit/kernel-view.ts'
import { noMachine } from '../../scripts/kit/no-machine.ts'
import { apply } from '../apply.ts'
import { detach } from '../detach.ts'
import { openInstance } from '../held-generation.ts'
import { existingPins } from '../place.ts'
import { lookup, u32 } from '../sys/libbpf-map.ts'
import { openRing } from '../sys/libbpf-ringbuf.ts'
import { type Decision, decisionText } from './decisions.ts'
import { readMonitor } from './lease.ts'
import { listen } from './listen.ts'

const INSTANCE = `kmu-monitor-${process.pid}`

undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
})

const { artifact } = await governedArtifact([
  { name: 'shop', address: '127.66.50.1', port: 80, endpoints: ['127.66.51.1:8080'] },
  { name: 'six', address: '127.66.50.2', port: 80, endpoints: [] },
  { name: 'names', address: '127.66.50.1', port: 53, protocol: 'udp', endpoints: ['127.66.51.1:5353'] },
])
const cgroup = makeCgroup('kmu-monitor')
await apply({ artifact, instance: INSTANCE, diverted: 'refuse', mode: 'apply', host: noMachine(), cgroup: cgroup.path })
const open = openInstance(INSTANCE)
const dialer = startDialer({ cgroup: cgroup.path })
const dial = (address: string, count = 1, protocol: 'tcp' | 'udp' = 'tcp', port = 80) =>
  dialer.dial({ protocol, address, port, count, timeout: 0.1 })
const schema = (name: string): object =>
  JSON.parse(readFileSync(new URL(`../../proto/${name}.schema.json`, import.meta.url), 'utf8')) as object
const isLine = new Ajv().addSchema(schema('diagnostic')).compile(schema('monitor'))
/** km_monitor.until */
const until = (): bigint => {
  const row = Buffer.alloc(layout.size)
  lookup(open.tables.fd('km_monitor'), u32(0), row)
  return row.readBigUInt64LE(0)
}
const told = (decisions: readonly Decision[]): readonly string[] =>
  decisions.map(({ kind, protocol, asked, listener, cluster, endpoint, reason }) =>
    [kind, protocol, asked, listener, cluster, endpoint, reason].filter((part) => part !== undefined).join(' '),
  )

test('nobody listens: nothing is told', async () => {
  await dial('127.66.50.1', 20)
  assert.equal(readMonitor(open.pins), { listening: false, lost: 0 })
  const ring = openRing(open.tables.fd('km_decisions'), 16)
  assert.is(ring.read(10).length, 0)
  ring.close()
})

test('a monitor is told what is decided, by name', async () => {
  const listening = listen(open)
  assert.is(readMonitor(open.pins).listening, true)
  await dial('127.66.50.1')
  await dial('127.66.50.2')
  await dial('127.66.50.1', 1, 'udp', 53)
  await dial('127.66.50.99')
  const { decisions, lost, deaf, instance } = listening.read()
  assert.equal(told(decisions), [
    'given tcp 127.66.50.1:80 127.66.50.1_80 shop 127.66.51.1:8080',
    'failed tcp 127.66.50.1:80 127.66.50.1_80 shop 127.66.51.1:8080 connect_failed',
    'refused 127.66.50.2_80 six no_endpoint',
    'given udp 127.66.50.1:53 127.66.50.1_53 names 127.66.51.1:5353',
  ])
  assert.equal({ lost, deaf, instance }, { lost: 0, deaf: 0, instance: 'there' })
  for (const line of [...decisions, { lost: 1, deaf: 0 }, { diagnostics: [] }]) assert.ok(isLine(line), JSON.stringify(line))
  assert.not.ok(isLine({ lost: 1 }))
  const [first] = decisions
  assert.is(first?.generation, 1)
  assert.match(first?.socket ?? '', /^[0-9a-f]+$/)
  assert.ok(Math.abs(Date.parse(first?.time ?? '') - Date.now()) < 60_000)
  assert.match(
    decisionText(first as Decision),
    /^\d\d:\d\d:\d\d\.\d{6} given +tcp 127\.66\.50\.1:80 {2}listener=127\.66\.50\.1_80 {2}cluster=shop {2}endpoint=127\.66\.51\.1:8080 {2}socket=/,
  )
  listening.close()
  assert.is(until(), 0n)
})

test('names cannot write on a terminal', () => {
  const text = decisionText({ time: '2026-01-01T00:00:00.000000Z', kind: 'given', cluster: 'a\u001b[31m b\n"\u009b' })
  assert.match(text, /cluster="a\\u001b\[31m b\\n\\"\\u009b"$/)
})

test('one monitor at a time; what an earlier one was told is gone', async () => {
  const listening = listen(open)
  assert.equal(await codesOf(() => listen(open)), ['KM9601'])
  await dial('127.66.50.1', 5)
  listening.close()
  const next = listen(open)
  assert.equal(next.read().decisions, [])
  next.close()
})

test('a monitor that was killed stops costing', async () => {
  const [file, ...rest] = [...command('kmesh-runtime'), 'monitor', '--instance', INSTANCE, '--json']
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  while (!readMonitor(open.pins).listening) await new Promise((resolve) => setTimeout(resolve, 20))
  await dial('127.66.50.2')
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  assert.is((JSON.parse(line.toString()) as Decision).reason, 'no_endpoint')
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.ok(until() > 0n)
  await new Promise((resolve) => setTimeout(resolve, 2100))
  assert.is(readMonitor(open.pins).listening, false)
  await dial('127.66.50.1')
  assert.is(until(), 0n, 'the first decision after its time takes the word back')
})

test('what finds no room is counted, and those who wait too long are told', async () => {
  const listening = listen(open)
  await dial('127.66.50.2', 6000)
  const { decisions, lost } = listening.read()
  assert.ok(decisions.length > 3000, String(decisions.length))
  const rest = listening.read()
  assert.is(decisions.length + rest.decisions.length + lost + rest.lost, 6000)
  assert.ok(lost > 500, String(lost))
  assert.is(readMonitor(open.pins).lost, lost)
  await new Promise((resolve) => setTimeout(resolve, 2300))
  const { deaf } = listening.read()
  assert.ok(deaf > 100 && deaf < 60_000, String(deaf))
  listening.close()
})

test('it ends with the instance and leaves nothing', () => {
  const listening = listen(open)
  detach(INSTANCE)
  assert.is(listening.read().instance, 'gone')
  listening.close()
  open.tables.close()
  assert.equal(heldDescriptors(), [])
})

test.after(() => dialer.stop())

test.run()
