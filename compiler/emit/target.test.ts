/** What programs ask of a kernel, and what is said when a target does not have it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import { openToolchain } from './clang.ts'
import { featuresOf, helpersOf, lackingIn, OLDEST_LINE } from './kernel-needs.ts'
import { checkTarget, targetOf } from './target.ts'

const toolchain = await openToolchain()

async function objectOf(text: string): Promise<Uint8Array> {
  const result = await toolchain.compile(text)
  if (result.kind !== 'object') throw new Error(result.message)
  return result.object
}

const program = (body: string): string =>
  `#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nextern int kfunc(void) __ksym;\nSEC("cgroup/connect4") int one(void *ctx) { ${body} }\n`

test('helpers are read from the instructions, wide loads skipped', async () => {
  const object = await objectOf(program('return bpf_get_prandom_u32() == 0x8500000085ull + bpf_ktime_get_ns() ? bpf_set_retval(-1) : 1;'))
  assert.equal(
    helpersOf(object).map(({ name }) => name),
    ['bpf_ktime_get_ns', 'bpf_get_prandom_u32', 'bpf_set_retval'],
  )
  assert.equal(featuresOf([object]), ['bpf_set_retval'])
})

test('constant units: every helper is known, and in the oldest kernel', async () => {
  for (const [unit, text] of toolchain.base) assert.equal(lackingIn(OLDEST_LINE, helpersOf(await objectOf(text))), [], unit)
})

test('a helper or a function of the kernel that nobody knows is our own mistake', async () => {
  assert.throws(() => helpersOf(new Uint8Array(10)), /not an ELF object/)
  const unknown = await objectOf(program('return bpf_jiffies64();'))
  assert.throws(() => helpersOf(unknown), /helper 118/)
  const kernelFunction = await objectOf(program('return kfunc();'))
  assert.throws(() => helpersOf(kernelFunction), /kfunc/)
})

test('KM1604: too old a target; a feature that it lacks, at what needs it', async () => {
  for (const [line, codes] of [
    ['5.19', ['KM1604']],
    ['6.0', ['KM1604']],
    ['6.1', []],
    ['6.18', []],
    ['99.0', []],
  ] as const) {
    const diag = createDiagnostics()
    checkTarget(line, diag)
    assert.equal(
      diag.list.map(({ code }) => code),
      codes,
      line,
    )
  }
  const units = [{ unit: 'http', object: await objectOf(program('return 1;')) }]
  const lacking = createDiagnostics()
  targetOf('6.1', units, { 'listener:0': 'lds["web"]' }, lacking, () => [{ name: 'bpf_tomorrow', since: '6.20' }])
  assert.equal(
    lacking.list.map(({ code, path }) => [code, path]),
    [['KM1604', 'lds["web"]']],
  )
  assert.match(lacking.list[0]?.message ?? '', /bpf_tomorrow \(6\.20\)/)
  const fine = createDiagnostics()
  assert.equal(
    targetOf('6.20', units, {}, fine, () => [{ name: 'bpf_tomorrow', since: '6.20' }]),
    { kernel: '6.20', features: [] },
  )
  assert.equal(fine.list, [])
})

test.run()
