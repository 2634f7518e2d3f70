/** A request is not taken for another one's, however fast they follow each other on an upstream (outstanding.c). */
import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compiled } from '../bench/tools.ts'

test('the sweep finds nothing wrong with requests of clients that are there', () => {
  const program = compiled(
    new URL('outstanding.c', import.meta.url),
    new URL('../../runtime/holder/outstanding.c', import.meta.url),
    new URL('../../bpf/lib/abi.gen.h', import.meta.url),
  )
  const { stdout, stderr } = spawnSync(program, { encoding: 'utf8' })
  assert.is(stderr, '')
  const [looks = 0, torn = 0, wrong = 0] = (stdout.match(/\d+/g) ?? []).map(Number)
  assert.ok(looks > torn, stdout)
  assert.ok(torn > 0, `two requests were never met in one look: ${stdout}`)
  assert.is(wrong, 0, stdout)
})

test.run()
