/** The demo keeps its promises, prints plain text into a pipe, and leaves nothing behind, also when it is interrupted. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HOLDER_DIRECTORY } from '../proto/http/holder-protocol.ts'
import { findBpffs, findCgroup2 } from '../runtime/sys/mountinfo.ts'
import { ROOT } from './commands.ts'
import { ACTS, SHOP_SERVERS } from './demonstration/http-story.ts'
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

/** Names of the demo with this process id in cgroups, bpffs and the holders' directory, and its files. */
function leftovers(pid: number): readonly string[] {
  const name = `kmesh-demo-${pid}`
  const places = [findCgroup2(), findBpffs()].filter((place) => place !== undefined).map((place) => join(place, 'kmesh'))
  const holders = join(findCgroup2() ?? '', 'kmesh-holder')
  const own = [...places, holders, HOLDER_DIRECTORY, findCgroup2() ?? ''].flatMap((place) =>
    existsSync(place) ? readdirSync(place).flatMap((entry) => (entry.startsWith(name) ? [join(place, entry)] : [])) : [],
  )
  return [...own, ...readdirSync(tmpdir()).filter((file) => file.startsWith('kmesh-demo-'))]
}

test('everything is as promised, also with files of the user', async () => {
  const { code, output, pid } = await demo(['canary-50.json', 'http.yaml'].map((file) => join(ROOT, 'fixtures/demo', file)))
  assert.is(code, 0, output)
  assert.match(output, 'It governs 5 listeners')
  assert.match(output, 'All of it as promised')
  assert.not.match(output, 'BROKEN')
  assert.not.match(output, '\x1b')
  for (const { name } of BACKENDS) assert.match(output, new RegExp(`^ +${name} +[1-9]\\d* `, 'm'))
  assert.match(output, /[1-9][\d,]* connections during \d+ applies, 0 failed/)
  for (const { what, status, lane } of ACTS)
    assert.match(output, new RegExp(`^ +${what} .* ${status} .* ${lane}(?:, on its own| \\(route\\))?$`, 'm'))
  assert.match(output, /ok {2}lane: (?:\d+ )?kernel/)
  assert.match(output, /[1-9][\d,]* requests during two changes of the node process, 0 failed/)
  // its own requests: the routes of http.yaml, and those of the service of canary-50.json
  assert.match(output, /[1-9]\d* requests of (?:9|10) routes went where the interpreter sends them$/m)
  const { address, port } = SHOP_SERVERS[2] as (typeof SHOP_SERVERS)[number]
  assert.match(output, new RegExp(`shop\\.example/ end-user: tester +200 +${address}:${port} +kernel$`, 'm'))
  assert.equal(leftovers(pid), [])
})

for (const [signal, step] of [
  ['SIGINT', 'Traffic:'],
  ['SIGTERM', 'Restart the node process'],
] as const) {
  test(`${signal} at "${step}": nothing stays behind`, async () => {
    let sent: 'yes' | 'no' = 'no'
    const { code, output, pid } = await demo([], (text, child) => {
      if (sent === 'yes' || !text.includes(step)) return
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
