/** The demo keeps its promises, prints plain text into a pipe, and leaves nothing behind, also when it is interrupted. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findBpffs, findCgroup2 } from '../runtime/sys/mountinfo.ts'
import { ROOT } from './commands.ts'
import { BACKENDS } from './demonstration/story.ts'

interface Ended {
  readonly code: number | null
  readonly output: string
  readonly pid: number
}

function demo(args: readonly string[], onText: (text: string, child: ChildProcess) => void = () => {}): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'scripts/demo.ts'), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      onText(output, child)
    })
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output, pid: child.pid as number })))
}

/** Names of the demo with this process id in cgroups and bpffs, and its files. */
function leftovers(pid: number): readonly string[] {
  const name = `kmesh-demo-${pid}`
  const places = [findCgroup2(), findBpffs()].filter((place) => place !== undefined).map((place) => join(place, 'kmesh', name))
  return [...places.filter((place) => existsSync(place)), ...readdirSync(tmpdir()).filter((file) => file.startsWith('kmesh-demo-'))]
}

test('everything is as promised, and a file of the user is shown', async () => {
  const { code, output, pid } = await demo([join(ROOT, 'fixtures/demo/canary-50.json')])
  assert.is(code, 0, output)
  assert.match(output, 'It governs 4 listeners')
  assert.match(output, 'All of it as promised')
  assert.not.match(output, 'BROKEN')
  assert.not.match(output, '\x1b')
  for (const { name } of BACKENDS) assert.match(output, new RegExp(`^ +${name} +[1-9]\\d* `, 'm'))
  assert.match(output, /[1-9][\d,]* connections during \d+ applies, 0 failed/)
  assert.equal(leftovers(pid), [])
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} in the middle: nothing stays behind`, async () => {
    let sent: 'yes' | 'no' = 'no'
    const { code, output, pid } = await demo([], (text, child) => {
      if (sent === 'yes' || !text.includes('Traffic:')) return
      sent = 'yes'
      child.kill(signal)
    })
    assert.is(code, signal === 'SIGINT' ? 130 : 143, output)
    assert.equal(leftovers(pid), [])
  })
}

test('errors in a file of the user are shown first and remembered', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-own-'))
  writeFileSync(join(folder, 'bad.json'), '{"@type":"type.googleapis.com/envoy.config.listener.v3.Listener","name":7}')
  const { output, pid } = await demo([join(folder, 'bad.json')], (text, child) => text.includes('has errors') && child.kill('SIGTERM'))
  rmSync(folder, { recursive: true })
  assert.match(output, /bad\.json: has errors/)
  assert.match(output, /error KM\d{4}/)
  assert.equal(leftovers(pid), [])
})

test('wrong usage is exit 2', async () => {
  assert.is((await demo(['--nope'])).code, 2)
  assert.is((await demo(['--help'])).code, 0)
})

test.run()
