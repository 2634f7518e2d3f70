import { closeSync, mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cluster, listenerKey, listenerValue } from '../../proto/abi.ts'
import { command } from '../../scripts/commands.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { governedArtifact } from '../../scripts/kit/governed-artifact.ts'
import { heldDescriptors, kernelView } from '../../scripts/kit/kernel-view.ts'
import { noMachine } from '../../scripts/kit/no-machine.ts'
import { apply } from '../apply.ts'
import { CodedError } from '../coded-error.ts'
import { detach } from '../detach.ts'
import { openInstance } from '../held-generation.ts'
import { removeLink } from '../links.ts'
import { existingPins } from '../place.ts'
import type { Pins } from '../pins.ts'
import { type GenerationRecord, liveRecord, writeRecord } from '../record.ts'
import { remove, u32, update } from '../sys/libbpf-map.ts'
import { openPin } from '../sys/libbpf-pin.ts'
import { drift, type DriftReport, isDrifted } from './drift.ts'
import { repair } from './repair.ts'

const INSTANCE = `kmh-drift-${process.pid}`
const folder = mkdtempSync(join(tmpdir(), 'kmh-'))
const make = (endpoint: string) =>
  governedArtifact([
    { name: 'shop', address: '127.68.4.1', port: 80, endpoints: [endpoint, '127.68.4.12:80'] },
    { name: 'names', address: '127.68.4.2', port: 53, protocol: 'udp', endpoints: ['127.68.4.13:53'] },
  ])
const { artifact, bytes } = await make('127.68.4.11:80')
const other = (await make('127.68.4.14:80')).artifact
const file = join(folder, 'artifact.tar')
writeFileSync(file, bytes)

undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
  rmSync(folder, { recursive: true, force: true })
})

const applied = (what = artifact) => apply({ artifact: what, instance: INSTANCE, diverted: 'refuse', mode: 'apply', host: noMachine() })
await applied(other)
await applied()
await applied()
const pins = existingPins(INSTANCE)?.pins as Pins

function live(): GenerationRecord {
  const { tables } = openInstance(INSTANCE)
  const record = liveRecord(tables) as GenerationRecord
  tables.close()
  return record
}

function changed(path: string, work: (fd: number) => void): void {
  const fd = openPin(path)
  try {
    work(fd)
  } finally {
    closeSync(fd)
  }
}

const table = (name: string): string => join(pins.epoch(live().epoch), name)
const shown = ({ entries }: DriftReport): readonly string[] => entries.map(({ table: name, kind, entry }) => `${kind} ${name} ${entry}`)

/** It is seen, repaired, and everything is as before. */
async function mended(expected: readonly string[], with_: typeof artifact | undefined = artifact): Promise<void> {
  const before = drift(INSTANCE, artifact)
  assert.equal([...shown(before), ...before.faults.map((fault) => Object.values(fault).join(' ')), ...before.record], expected)
  const report = await repair(INSTANCE, with_)
  assert.ok(!isDrifted(report.after), JSON.stringify(report.after))
  assert.ok(!isDrifted(drift(INSTANCE, artifact)))
  assert.equal(heldDescriptors(), [])
}

test('nothing drifts by itself', () => {
  const report = drift(INSTANCE, artifact)
  assert.ok(!isDrifted(report), JSON.stringify(report))
  assert.ok(!isDrifted(drift(INSTANCE, undefined)))
  assert.throws(
    () => drift(INSTANCE, other),
    (error: unknown) => error instanceof CodedError && error.findings[0]?.code === 'KM9128',
  )
})

test('a changed endpoint, also in the generation that shares the table', async () => {
  const generation = live().generation
  changed(table('km_endpoint'), (fd) => update(fd, u32(2), Buffer.alloc(32, 1)))
  await mended(['changed km_endpoint row 2 of cluster "shop"'])
  assert.is(live().generation, generation)
  const [first, second] = kernelView(INSTANCE).records.filter(({ digest }) => Buffer.from(digest).equals(Buffer.from(live().digest)))
  const view = kernelView(INSTANCE).entries
  assert.is(view[`km_endpoint[${first?.epoch}]`], view[`km_endpoint[${second?.epoch}]`])
})

test('a listener that is gone, one that is too many', async () => {
  const key = Buffer.alloc(listenerKey.size)
  Buffer.from('00000000000000000000ffff7f440401', 'hex').copy(key)
  key.writeUInt16LE(80, 16)
  key.writeUInt8(6, 18)
  changed(table('km_listener'), (fd) => {
    assert.ok(remove(fd, key))
    key.writeUInt16LE(81, 16)
    update(fd, key, Buffer.alloc(listenerValue.size))
  })
  await mended(['extra km_listener 127.68.4.1:81/tcp', 'missing km_listener 127.68.4.1:80/tcp'])
})

test('a cluster head, the record', async () => {
  changed(table('km_cluster'), (fd) => update(fd, u32(1), Buffer.alloc(cluster.size, 2)))
  await mended(['changed km_cluster cluster "names"'])
  const { tables } = openInstance(INSTANCE)
  writeRecord(tables, { ...live(), namesBytes: live().namesBytes + 1 })
  tables.close()
  await mended(['names_bytes'])
})

test('maps of maps, program slots and links, from bpffs alone', async () => {
  const { epoch, programBase } = live()
  changed(pins.map('km_endpoint'), (fd) => remove(fd, u32(epoch)))
  await mended(['table km_endpoint not shown'], undefined)
  changed(pins.map('km_program_connect4'), (fd) => remove(fd, u32(programBase)))
  await mended(['program connect4 0 empty'], undefined)
  removeLink(pins.link('connect4'))
  await mended(['link connect4 not attached'], undefined)
})

test('a table whose pin is gone', async () => {
  unlinkSync(table('km_chain'))
  await mended(['table km_chain its pin is gone'])
})

test('the commands', () => {
  const ajv = new Ajv({ strict: true, strictRequired: false })
  const schemas = new URL('../../proto/', import.meta.url)
  for (const name of readdirSync(schemas))
    if (name.endsWith('.schema.json')) ajv.addSchema(JSON.parse(readFileSync(new URL(name, schemas), 'utf8')) as object)
  const run = (wanted: number, schema: string, ...args: readonly string[]): void => {
    const [program, ...rest] = [...command('kmesh-runtime'), ...args, '--instance', INSTANCE, '--json']
    const { status, stdout } = spawnSync(program, rest, { encoding: 'utf8' })
    assert.ok(ajv.validate(schema, JSON.parse(stdout)), `${args.join(' ')}: ${ajv.errorsText()}\n${stdout}`)
    assert.is(status, wanted, `${args.join(' ')}: ${stdout}`)
  }
  run(0, 'drift.schema.json', 'diff', file)
  changed(table('km_endpoint'), (fd) => update(fd, u32(2), Buffer.alloc(32, 1)))
  removeLink(pins.link('sendmsg6'))
  run(1, 'drift.schema.json', 'diff', file)
  run(0, 'repair.schema.json', 'repair')
  run(1, 'drift.schema.json', 'diff', file)
  run(0, 'repair.schema.json', 'repair', file)
  run(0, 'drift.schema.json', 'diff', file)
})

test.run()
