/** What a user types wrong, as the command line answers it: 2 with a line of help, or 1 with a code; never a fault of ours. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('..', import.meta.url))

function kmeshRuntime(...args: readonly string[]): readonly [code: number | null, text: string] {
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'runtime/main.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
    input: '',
  })
  return [status, stderr]
}

const WRONG_USAGE: readonly (readonly [args: readonly string[], text: RegExp])[] = [
  [['apply', 'a.tar', '--dry-run=yes'], /--dry-run takes no value/],
  [['apply', 'a.tar', 'b.tar'], /Unknown argument: b.tar/],
  [['apply', 'a.tar', '--instance', 'a', '--instance', 'b'], /give --instance once/],
  [['apply', 'a.tar', '--plan'], /--plan needs a value/],
  [['apply', 'a.tar', '--keep', '1', '--keep', '2'], /--keep takes a number/],
  [['serve', '--artifact', 'a.tar', '--artifact', 'b.tar'], /give --artifact once/],
  [['watch', '/nowhere', '--once=1'], /--once takes no value/],
  [['metrics', '--format', 'classic', '--format', 'openmetrics'], /give --format once/],
  [['prove'], /Not enough non-option arguments/],
]
for (const [args, text] of WRONG_USAGE)
  test(`wrong usage: ${args.join(' ')}`, () => {
    const [code, told] = kmeshRuntime(...args)
    assert.is(code, 2, told)
    assert.match(told, text)
  })

test('what may be given several times is taken: it is the artifact that is missing', () => {
  for (const args of [
    ['verify', '/nowhere.tar', '--key', '/a.pem', '--key', '/b.pem'],
    ['prove', '/nowhere.tar', '/no.tar'],
  ]) {
    const [code, told] = kmeshRuntime(...args)
    assert.is(code, 1, told)
    assert.match(told, /KM9\d{3}/)
  }
})

test('what is behind -- is the command of exec, not ours', () => {
  const [code, told] = kmeshRuntime('exec', '--instance', `kmesh-none-${process.pid}`, '--', 'true', '--json=yes')
  assert.is(code, 1, told)
  assert.match(told, /KM9106/)
})

test.run()
