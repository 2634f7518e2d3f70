/** Deltas as files: written, read back, and whatever else somebody could hand in. */
import { gunzipSync, gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ROW_SIZE } from '../../proto/abi.ts'
import { readArtifact, readLayout } from '../../proto/artifact/read.ts'
import type { Manifest } from '../../proto/artifact/oci.ts'
import type { DeltaChanges, DeltaConfig } from '../../proto/delta/format.ts'
import { readArtifactOrDelta } from '../../proto/delta/read-file.ts'
import { samplePlan, sampleInput } from '../../scripts/kit/sample-artifact.ts'
import { writeLayout } from '../pack/layout.ts'
import { pack } from '../pack/pack.ts'
import { packDelta } from './pack-delta.ts'

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`
const ENDS = { compiler: { version: '0.1.0' }, base: [digest('a')], result: digest('b') }

function changesOf(): DeltaChanges {
  const rows = new Uint8Array(5 * ROW_SIZE)
  rows.fill(7, 0, 4)
  new DataView(rows.buffer).setUint32(3 * ROW_SIZE + 20, 1, true)
  const owners = new Uint8Array(32).fill(9, 16)
  const services = [{ at: 0, remove: 1, insert: [{ '@type': 'x', name: 'ü' }] }]
  return {
    clusters: [
      [2, 0, 3, 1],
      [9, 3, 2, 2],
    ],
    services,
    rows,
    owners,
    relocations: Uint32Array.of(3 * ROW_SIZE + 20),
  }
}

function code(bytes: Uint8Array): string {
  const read = readArtifactOrDelta(bytes)
  return read.kind === 'invalid' ? read.error.code : read.kind
}

const whole = await packDelta(changesOf(), ENDS)

test('what was written is read, and it is the same on every run', async () => {
  const read = readArtifactOrDelta(whole.bytes)
  if (read.kind !== 'delta') throw new Error(JSON.stringify(read))
  const { config, digest: own, ...changes } = read.delta
  assert.is(own, whole.digest)
  assert.equal(config, whole.config)
  assert.equal(
    { ...changes, rows: [...changes.rows], owners: [...changes.owners] },
    { ...changesOf(), rows: [...changesOf().rows], owners: [...changesOf().owners] },
  )
  assert.ok(Buffer.from(whole.bytes).equals((await packDelta(changesOf(), ENDS)).bytes))
})

test('an archive that is not zipped, or an artifact that is', async () => {
  assert.is(code(gunzipSync(whole.bytes)), 'delta')
  const artifact = await pack(sampleInput(samplePlan(2, 4)))
  assert.is(code(artifact.bytes), 'artifact')
  assert.is(code(gzipSync(artifact.bytes)), 'artifact')
})

test('a delta is no artifact', () => {
  const read = readArtifact(whole.bytes)
  assert.is(read.kind === 'invalid' && read.error.code, 'KM9018')
})

test('cut off and flipped anywhere: refused with a code', () => {
  const tar = gunzipSync(whole.bytes)
  for (let size = 0; size < tar.length; size += 128) {
    const cut = code(tar.subarray(0, size))
    // the two empty blocks at the end say nothing
    assert.ok(/^KM90/.test(cut) || (size > tar.length - 1024 && cut === 'delta'), `${size}: ${cut}`)
  }
  for (let size = 0; size < whole.bytes.length; size += 64) assert.match(code(whole.bytes.subarray(0, size)), /^KM90/)
  for (let at = 0; at < tar.length - 1024; at += 61) {
    const flipped = Uint8Array.from(tar)
    flipped[at] = (flipped[at] as number) ^ 0x10
    const read = readArtifactOrDelta(flipped)
    if (read.kind === 'delta') assert.is(read.delta.digest, whole.digest, `byte ${at} changed what is read`)
    else assert.match(read.kind === 'invalid' ? read.error.code : read.kind, /^KM90/)
  }
})

test('a bomb', () => {
  assert.is(code(gzipSync(new Uint8Array(65 << 20))), 'KM9010')
})

test('well wrapped, and wrong inside', async () => {
  const wrong = async (change: Partial<DeltaChanges>): Promise<string> => code((await packDelta({ ...changesOf(), ...change }, ENDS)).bytes)
  assert.is(await wrong({ clusters: [[2, 0, 3, 1]] }), 'KM9012')
  assert.is(
    await wrong({
      clusters: [
        [2, 0, 3, 1],
        [2, 3, 2, 1],
      ],
    }),
    'KM9012',
  )
  assert.is(
    await wrong({
      clusters: [
        [9, 0, 3, 1],
        [2, 3, 2, 1],
      ],
    }),
    'KM9012',
  )
  assert.is(
    await wrong({
      clusters: [
        [2, 0, 3, 4],
        [9, 3, 2, 1],
      ],
    }),
    'KM9012',
  )
  assert.is(
    await wrong({
      clusters: [
        [2, 1, 3, 1],
        [9, 3, 2, 1],
      ],
    }),
    'KM9012',
  )
  assert.is(await wrong({ relocations: Uint32Array.of(5 * ROW_SIZE) }), 'KM9012')
  assert.is(await wrong({ relocations: Uint32Array.of(0) }), 'KM9012')
  assert.is(await wrong({ relocations: Uint32Array.of(3 * ROW_SIZE + 21) }), 'KM9012')
  assert.is(await wrong({ owners: new Uint8Array(0) }), 'KM9012')
  assert.is(await wrong({ rows: new Uint8Array(33) }), 'KM9007')
  assert.is(await wrong({ services: [] }), 'KM9007')
  assert.is(await wrong({ clusters: [[-1, 0, 5, 1]] }), 'KM9007')
  const config = async (change: Partial<Record<keyof DeltaConfig, unknown>>): Promise<string> => {
    const { manifest, blobs } = readLayout(whole.bytes)
    const parts = JSON.parse(Buffer.from(manifest).toString()) as Manifest
    const { sha256 } = await import('../../proto/artifact/sha256.ts')
    const blob = Buffer.from(JSON.stringify({ ...whole.config, ...change }))
    const named = { ...parts, config: { ...parts.config, digest: `sha256:${sha256(blob)}`, size: blob.length } }
    return code((await writeLayout(named, [blob, ...parts.layers.map((one) => blobs.get(one.digest) as Uint8Array)])).bytes)
  }
  assert.is(await config({}), 'delta')
  assert.is(await config({ schemaVersion: 2 }), 'KM9008')
  assert.is(await config({ abi: { version: 1, digest: 'a'.repeat(64) } }), 'KM9009')
  assert.is(await config({ base: [] }), 'KM9007')
  assert.is(await config({ entries: { clusters: 2, rows: 4, owners: 2 } }), 'KM9011')
  assert.is(await config({ entries: { clusters: 3, rows: 5, owners: 2 } }), 'KM9012')
})

test.run()
