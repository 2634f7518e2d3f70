/** `kmeshc compile --base` as people call it: a delta of a few bytes, else the whole artifact with a word about why. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readArtifactOrDelta } from '../../proto/delta/read-file.ts'
import { command, ROOT } from '../../scripts/commands.ts'

const folder = mkdtempSync(join(tmpdir(), 'kmeshc-delta-'))
const SNAPSHOT = readFileSync(join(ROOT, 'fixtures/demo/http.yaml'), 'utf8')
const [base, delta] = [join(folder, 'base.tar'), join(folder, 'delta.tar')]

function kmeshc(
  snapshot: string,
  ...options: readonly string[]
): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
  const file = join(folder, 'snapshot.yaml')
  writeFileSync(file, snapshot)
  const [program, ...rest] = [...command('kmeshc'), 'compile', file, ...options]
  const { status, stdout, stderr } = spawnSync(program, rest, { encoding: 'utf8' })
  return { code: status, stdout, stderr }
}

test('another endpoint: a delta of at most 4 KiB, from the digest of the base to that of the whole artifact', () => {
  assert.is(kmeshc(SNAPSHOT, '-o', base).code, 0)
  const changed = SNAPSHOT.replace('127.96.3.2', '127.96.3.9')
  const made = kmeshc(changed, '--base', base, '-o', delta, '--json')
  assert.is(made.code, 0, made.stderr)
  const { delta: told } = JSON.parse(made.stdout) as { readonly delta: { readonly digest: string; readonly bytes: number } }
  const bytes = readFileSync(delta)
  assert.ok(bytes.length <= 4096, `${bytes.length} bytes`)
  assert.is(told.bytes, bytes.length)
  const read = readArtifactOrDelta(bytes)
  if (read.kind !== 'delta') throw new Error(JSON.stringify(read))
  assert.is(read.delta.digest, told.digest)
  const whole = join(folder, 'whole.tar')
  assert.is(kmeshc(changed, '-o', whole).code, 0)
  const [old, now] = [base, whole].map((file) => readArtifactOrDelta(readFileSync(file)))
  assert.equal(read.delta.config.base, old?.kind === 'artifact' && [old.artifact.digest])
  assert.is(read.delta.config.result, now?.kind === 'artifact' && now.artifact.digest)
  assert.equal(
    read.delta.services?.map(({ at, remove, insert }) => [typeof at, remove, insert.length]),
    [['number', 1, 1]],
  )
})

test('another route: the whole artifact, KM1931; under --strict nothing', () => {
  const changed = SNAPSHOT.replace('path: /old', 'path: /older')
  const made = kmeshc(changed, '--base', base, '-o', delta)
  assert.is(made.code, 0)
  assert.match(made.stderr, /KM1931.*routes differ/)
  assert.is(readArtifactOrDelta(readFileSync(delta)).kind, 'artifact')
  rmSync(delta)
  assert.is(kmeshc(changed, '--base', base, '-o', delta, '--strict').code, 1)
  assert.throws(() => readFileSync(delta), /ENOENT/)
})

test('a base that is none', () => {
  writeFileSync(join(folder, 'other'), 'hello')
  const { code, stderr } = kmeshc(SNAPSHOT, '--base', join(folder, 'other'), '-o', delta)
  assert.is(code, 1)
  assert.match(stderr, /KM9002/)
  assert.is(kmeshc(SNAPSHOT, '--base', base).code, 2)
})

test.after(() => rmSync(folder, { recursive: true, force: true }))
test.run()
