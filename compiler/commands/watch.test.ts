/** `kmeshc watch` as people and control planes use it: files that are written, replaced, cut, deleted and switched; what comes out is what a compile gives. */
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ajv } from 'ajv'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readArtifactOrDelta } from '../../proto/delta/read-file.ts'
import { command, ROOT } from '../../scripts/commands.ts'
import { resources } from '../../scripts/generate.ts'
import { startWatching } from '../../scripts/kit/watching.ts'
import { codes } from '../diag/codes.ts'
import type { WatchEvent } from './watch-text.ts'

const folder = mkdtempSync(join(tmpdir(), 'kmeshc-watch-test-'))
const SNAPSHOT = `[${[...resources({ services: 3, endpoints: 9, seed: 1, network: 10 })].map((one) => JSON.stringify(one)).join(',\n')}]`
const withEndpoint = (address: string): string => SNAPSHOT.replace('10.128.0.1"', `${address}"`)

const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true })
for (const name of readdirSync(join(ROOT, 'proto')).filter((file) => file.endsWith('.schema.json')))
  ajv.addSchema(JSON.parse(readFileSync(join(ROOT, 'proto', name), 'utf8')) as object)

function checked(event: WatchEvent): WatchEvent {
  const validate = ajv.getSchema('recompile.schema.json')
  assert.ok(validate?.(event), `${JSON.stringify(validate?.errors)}: ${JSON.stringify(event)}`)
  return event
}

const told = (event: WatchEvent): string =>
  event.event === 'compiled'
    ? `${event.way.kind}${event.way.kind === 'again' ? ` ${event.way.clusters}` : ''}`
    : `failed ${event.diagnostics.map(({ code }) => code).join()}`

function kmeshc(...args: readonly string[]): { readonly status: number | null; readonly stderr: string } {
  const [program, ...rest] = command('kmeshc')
  return spawnSync(program, [...rest, ...args], { encoding: 'utf8' })
}

function sameAsCompiled(text: string, output: string, ...options: readonly string[]): void {
  const [file, expected] = [join(folder, 'other.json'), join(folder, 'other.tar')]
  writeFileSync(file, text)
  assert.is(kmeshc('compile', file, '-o', expected, ...options).status, 0)
  assert.ok(readFileSync(expected).equals(readFileSync(output)), 'the same bytes')
}

test('written in place, replaced, in pieces, deleted, made again; deltas against a base; ended by a signal', async () => {
  const [file, base, output] = [join(folder, 'snapshot.json'), join(folder, 'base.tar'), join(folder, 'delta.tar')]
  writeFileSync(file, SNAPSHOT)
  assert.is(kmeshc('compile', file, '-o', base).status, 0)
  const watching = startWatching([file, '-o', output, '--base', base])
  const next = async (): Promise<string> => told(checked(await watching.event()))
  assert.is(await next(), 'whole')
  writeFileSync(file, withEndpoint('10.7.0.1'))
  assert.is(await next(), 'again 1')
  sameAsCompiled(withEndpoint('10.7.0.1'), output, '--base', base)
  assert.is(readArtifactOrDelta(readFileSync(output)).kind, 'delta')
  writeFileSync(`${file}.new`, withEndpoint('10.7.0.2'))
  renameSync(`${file}.new`, file)
  assert.is(await next(), 'again 1')
  const text = withEndpoint('10.7.0.3')
  writeFileSync(file, '')
  for (let piece = 0; piece < 4; piece++) {
    appendFileSync(file, text.slice((text.length * piece) / 4, (text.length * (piece + 1)) / 4))
    await sleep(60)
  }
  for (let last = await next(); last !== 'again 1'; last = await next()) assert.match(last, /^failed KM100[1-4]$/, 'a slow machine')
  sameAsCompiled(text, output, '--base', base)
  rmSync(file)
  assert.is(await next(), 'failed KM1001')
  writeFileSync(file, withEndpoint('10.7.0.4'))
  assert.is(await next(), 'again 1')
  writeFileSync(file, withEndpoint('no address'))
  assert.is(await next(), 'failed KM1309')
  sameAsCompiled(withEndpoint('10.7.0.4'), output, '--base', base)
  writeFileSync(file, SNAPSHOT.replaceAll('10.96.0.1"', '10.96.0.77"'))
  const whole = checked(await watching.event())
  assert.equal([told(whole), whole.diagnostics.map(({ code }) => code)], ['whole', ['KM1931']])
  assert.is(await watching.end('SIGTERM'), 0)
})

test('a directory whose link is switched, as volumes of Kubernetes do; what it resolves changes too', async () => {
  const volume = join(folder, 'volume')
  const version = (name: string, text: string): void => {
    mkdirSync(join(volume, name), { recursive: true })
    writeFileSync(join(volume, name, 'snapshot.json'), text)
    symlinkSync(name, join(volume, 'data.new'))
    renameSync(join(volume, 'data.new'), join(volume, '..data'))
  }
  version('..1', SNAPSHOT)
  symlinkSync('..data/snapshot.json', join(volume, 'snapshot.json'))
  const resolve = join(folder, 'names.json')
  writeFileSync(resolve, '{}')
  const output = join(folder, 'volume.tar')
  const watching = startWatching([join(volume, 'snapshot.json'), '-o', output, '--resolve', resolve])
  assert.is(told(checked(await watching.event())), 'whole')
  version('..2', withEndpoint('10.7.0.1'))
  rmSync(join(volume, '..1'), { recursive: true })
  assert.is(told(await watching.event()), 'again 1')
  sameAsCompiled(withEndpoint('10.7.0.1'), output)
  writeFileSync(resolve, '{"db.example": 5}')
  assert.is(told(await watching.event()), 'failed KM1801')
  writeFileSync(resolve, '{}')
  version('..3', withEndpoint('10.7.0.2'))
  for (let last = told(await watching.event()); last !== 'again 1'; last = told(await watching.event()))
    assert.match(last, /^failed KM1801/)
  assert.is(await watching.end('SIGINT'), 0)
})

test('wrong usage', () => {
  for (const args of [['x.json'], ['-', '-o', 'x'], ['x.json', '-o', 'x', '--', '--instance', 'a'], ['x.json', '--base', 'b', '--apply']])
    assert.is(kmeshc('watch', ...args).status, 2, args.join(' '))
})

test('an option that kmesh-runtime does not know: KM1805', async () => {
  const file = join(folder, 'apply.json')
  writeFileSync(file, SNAPSHOT)
  const watching = startWatching([file, '--apply', '--', '--strange-option'])
  const event = checked(await watching.event())
  assert.equal(event.event === 'compiled' && event.applied, { kind: 'refused', form: 'artifact' })
  const [said] = event.diagnostics
  assert.is(said?.code, 'KM1805')
  assert.match(said?.message ?? '', /strange-option/)
  assert.ok(codes.KM1805.fix.length > 0)
  assert.is(await watching.end('SIGTERM'), 0)
})

test.after(() => rmSync(folder, { recursive: true, force: true }))
test.run()
