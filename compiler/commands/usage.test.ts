/** What a user types wrong, as the command line answers it: 2 with a line of help, or 1 with a code; never a fault of ours. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('../..', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'kmeshc-usage-'))
const snapshot = join(directory, 'snapshot.json')
const routes = { name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'a' } }] }] }
writeFileSync(snapshot, JSON.stringify([{ '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration', ...routes }]))
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}
symlinkSync(join(directory, 'loop'), join(directory, 'loop'))

function kmeshc(...args: readonly string[]): readonly [code: number | null, text: string, output: string] {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'compiler/main.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
    input: '',
  })
  return [status, stderr, stdout]
}

const WRONG_USAGE: readonly (readonly [args: readonly string[], text: RegExp])[] = [
  [['check', snapshot, '--strict=yes'], /--strict takes no value/],
  [['check', snapshot, '--resolve'], /--resolve needs a value/],
  [['check', snapshot, '--address'], /--address needs a value/],
  [['check', snapshot, '--json', '--format', 'sarif'], /give --json or --format sarif/],
  [['check', snapshot, '--format', 'json', '--format', 'text'], /give --format once/],
  [['trace', '-', '--batch', '-'], /only the snapshot or the batch/],
  [['trace', snapshot, '--request', '/', '--source', 'nobody'], /--source takes an address/],
  [['trace', snapshot, '--request', '/', '--destination', '10.0.0.1:99999'], /--destination takes an address/],
  [['test', '-', '-'], /only the snapshot or the tests/],
]
for (const [args, text] of WRONG_USAGE)
  test(`wrong usage: ${args.slice(0, 1)} ${args.slice(2).join(' ')}`, () => {
    const [code, told] = kmeshc(...args)
    assert.is(code, 2, told)
    assert.match(told, text)
  })

test('a link that leads to itself, and a batch that is no UTF-8, have codes', () => {
  const loop = kmeshc('check', join(directory, 'loop'))
  assert.is(loop[0], 1)
  assert.match(`${loop[1]}${loop[2]}`, /KM1001.*symbolic links/)
  const [code, told] = kmeshc('trace', snapshot, '--route-config', 'r', '--batch', file('latin.jsonl', Buffer.from([0x7b, 0xff, 0x7d])))
  assert.is(code, 1)
  assert.match(told, /KM1005/)
})

test('a batch may begin with a byte order mark, and a source that is no address is an error of its line', () => {
  const line = { id: 1, method: 'GET', authority: 'a', path: '/' }
  const lines = `\ufeff${JSON.stringify(line)}\r\n${JSON.stringify({ ...line, source: 'nobody' })}\r\n`
  const [code, , output] = kmeshc('trace', snapshot, '--route-config', 'r', '--batch', file('marked.jsonl', lines))
  assert.is(code, 1)
  const outcomes = output.trim().split('\n')
  assert.equal(
    outcomes.map((text) => (JSON.parse(text) as { outcome: string }).outcome),
    ['cluster', 'error'],
  )
})

test.after(() => rmSync(directory, { recursive: true, force: true }))
test.run()
