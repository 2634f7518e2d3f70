import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../proto/abi.ts'
import { abiHeader } from './abi.ts'

/** clang's verdict on a C text that includes the header; empty when it compiles. */
function clang(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'kmeshc-abi-'))
  try {
    writeFileSync(join(directory, 'abi.gen.h'), abiHeader())
    writeFileSync(join(directory, 'unit.c'), `#include "abi.gen.h"\n${text}`)
    const include =
      { x64: '/usr/include/x86_64-linux-gnu', arm64: '/usr/include/aarch64-linux-gnu' }[process.arch as string] ?? '/usr/include'
    execFileSync(
      'clang-14',
      ['-Wall', '-Werror', '-Wpadded', '-target', 'bpf', '-idirafter', include, '-fsyntax-only', join(directory, 'unit.c')],
      { stdio: 'pipe' },
    )
    return ''
  } catch (error) {
    return String((error as { stderr?: Buffer }).stderr ?? error)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

test('clang agrees with every size and offset, and pads nothing', () => {
  assert.is(clang(''), '')
  for (const { name, size } of abi.LAYOUTS) assert.match(abiHeader(), `_Static_assert(sizeof(struct ${name}) == ${size}`)
})

test('a wrong size would be noticed', () => {
  assert.match(clang('_Static_assert(sizeof(struct km_record) == 1, "size");'), 'static_assert failed')
})

test('C sees the numbers of TypeScript', () => {
  const numbers: readonly (readonly [string, number])[] = [
    ['KM_ABI_VERSION', abi.ABI_VERSION],
    ['KM_REASON_OVERFLOW', abi.REASONS.overflow],
    ['KM_CHAIN_WEIGHTED', abi.CHAIN_WEIGHTED],
    ['KM_POLICY_MAGLEV', abi.POLICIES.indexOf('MAGLEV')],
    ['KM_STATE_SHARD_BITS', abi.STATE_SHARD_BITS],
    ['KM_GENERATION_DRAINING', abi.GENERATION_STATES.indexOf('draining')],
    ['sizeof(((struct km_cluster *)0)->cells[0])', abi.cell.size],
  ]
  assert.is(clang(numbers.map(([name, value]) => `_Static_assert(${name} == ${value}, "${name}");`).join('\n')), '')
  for (const [name, value] of Object.entries(abi))
    if (typeof value === 'number') assert.match(abiHeader(), new RegExp(`^#define KM_${name} ${value}$`, 'm'))
})

test('the header on disk is the one of these layouts', () => {
  assert.is(readFileSync(new URL('../bpf/lib/abi.gen.h', import.meta.url), 'utf8'), abiHeader(), 'run scripts/setup')
})

test.run()
