import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ROW_SIZE } from '../../proto/abi.ts'
import { openArtifact } from '../../proto/artifact/open.ts'
import { readArtifact } from '../../proto/artifact/read.ts'
import { readTar } from '../../proto/artifact/tar.ts'
import { sampleInput, samplePlan } from '../../scripts/kit/sample-artifact.ts'
import { pack } from './pack.ts'

function within<Result>(work: (directory: string) => Result): Result {
  const directory = mkdtempSync(join(tmpdir(), 'kmeshc-pack-'))
  try {
    return work(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

test('what is packed is what is read', async () => {
  const plan = samplePlan(3, 30)
  const input = sampleInput(plan)
  const packed = await pack(input)
  const result = readArtifact(packed.bytes)
  assert.is(result.kind, 'artifact')
  if (result.kind !== 'artifact') return
  const { artifact } = result
  assert.is(artifact.digest, packed.digest)
  assert.equal(artifact.config, packed.config)
  assert.equal(artifact.config.entries, plan.budgets.entries)
  assert.equal(artifact.names, plan.names)
  assert.equal([...artifact.programs.keys()], ['base', 'entry', 'policy_round_robin'])
  for (const { unit, object, source } of input.units) {
    assert.ok(Buffer.from(object).equals(artifact.programs.get(unit) as Uint8Array), unit)
    assert.is(Buffer.from(artifact.sources.get(`${unit}.c`) as Uint8Array).toString(), source)
  }
  const { tables } = artifact
  for (const [read, written] of [
    [tables.listenerKeys, plan.tables.listener.keys],
    [tables.listenerValues, plan.tables.listener.values],
    [tables.matchKeys, plan.tables.match.keys],
    [tables.matchValues, plan.tables.match.values],
    [tables.chain, plan.tables.chain],
    [tables.cluster, plan.tables.cluster],
    [tables.endpoint, plan.tables.endpoint],
    [tables.states, plan.tables.states],
    [tables.endpointRelocations, Buffer.from(plan.tables.endpointRelocations.buffer)],
  ] as const) {
    assert.ok(Buffer.from(read).equals(written))
  }
  assert.is(tables.endpointRelocations.length, 4 * 33)
  assert.equal(JSON.parse(Buffer.from(artifact.sources.get('source-map.json') as Uint8Array).toString()), plan.sourceMap)
})

test('the same input gives the same bytes, whatever the order of units and keys', async () => {
  const one = await pack(sampleInput(samplePlan(20, 200)))
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const input = sampleInput(samplePlan(20, 200))
  const coverage = { totals: { compiled: 1 }, fields: { 'lds[].name': 'compiled' } }
  const two = await pack({
    ...input,
    units: [...input.units].reverse(),
    coverage,
    target: { features: ['bpf_set_retval', 'sk_storage'], kernel: '6.1' },
  })
  assert.ok(Buffer.from(one.bytes).equals(two.bytes))
})

test('a changed endpoint changes the maps layer only', async () => {
  const blobs = async (endpoints: number): Promise<readonly string[]> => {
    const plan = samplePlan(3, endpoints)
    const [, , , , programs, , sources] = [...readTar((await pack(sampleInput(plan))).bytes, 'it').keys()]
    return [programs as string, sources as string]
  }
  assert.equal(await blobs(30), await blobs(60))
})

test('nothing in the archive tells time, user or directory', async () => {
  const { bytes } = await pack(sampleInput(samplePlan(2, 4)))
  within((directory) => {
    const file = join(directory, 'artifact.tar')
    writeFileSync(file, bytes)
    const listing = execFileSync('tar', ['--full-time', '--numeric-owner', '-tvf', file], {
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC' },
    })
      .trim()
      .split('\n')
    assert.is(listing.length, 7)
    for (const line of listing) assert.match(line, /^-rw-r--r-- 0\/0 +\d+ 1970-01-01 00:00:00 /)
    assert.match(listing[0] as string, / oci-layout$/)
    assert.match(listing[1] as string, / index\.json$/)
  })
  for (const [, layer] of [...readTar(bytes, 'it')].slice(4)) {
    assert.is(Buffer.from(layer).readUInt32LE(4), 0, 'gzip without a time')
    const archive = gunzipSync(layer)
    for (let at = 0; at + 512 < archive.length; at += 512) {
      if (archive.toString('latin1', at + 257, at + 262) === 'ustar')
        assert.match(archive.toString('latin1', at + 136, at + 147), /^0+$/, 'no time')
    }
  }
})

test('skopeo copies it, manifest and digest unchanged, and what skopeo writes can be read', async () => {
  const { bytes, digest } = await pack(sampleInput(samplePlan(5, 10)))
  within((directory) => {
    writeFileSync(join(directory, 'artifact.tar'), bytes)
    const skopeo = (...args: string[]): string =>
      execFileSync('skopeo', ['--insecure-policy', ...args], { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    skopeo('copy', 'oci-archive:artifact.tar', 'oci:layout:latest')
    skopeo('copy', 'oci:layout:latest', 'oci-archive:again.tar')
    const raw = skopeo('inspect', '--raw', 'oci-archive:artifact.tar')
    assert.is((JSON.parse(raw) as { artifactType: string }).artifactType, 'application/vnd.kmesh.artifact.v1')
    assert.not.equal(readFileSync(join(directory, 'again.tar')), Buffer.from(bytes))
    const again = openArtifact(join(directory, 'again.tar'))
    assert.is(again.kind, 'artifact')
    if (again.kind === 'artifact') assert.is(again.artifact.digest, digest)
  })
})

test('an artifact without listeners is one too', async () => {
  const input = sampleInput(samplePlan(0, 0))
  const { bytes } = await pack({ ...input, units: input.units.slice(0, 1), protocols: [] })
  const result = readArtifact(bytes)
  assert.is(result.kind, 'artifact')
  if (result.kind === 'artifact') assert.is(result.artifact.tables.endpoint.length, 0 * ROW_SIZE)
})

test('10,000 services with 100,000 endpoints cost well under a second of processor time, to pack and to read', async () => {
  const input = sampleInput(samplePlan(10_000, 100_000))
  /** milliseconds of all threads: what others do on the machine does not count */
  const spent = (): number => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  const best = { pack: Number.POSITIVE_INFINITY, read: Number.POSITIVE_INFINITY }
  for (let round = 0; round < 3; round++) {
    const started = spent()
    const { bytes } = await pack(input)
    const packed = spent()
    assert.is(readArtifact(bytes).kind, 'artifact')
    best.pack = Math.min(best.pack, packed - started)
    best.read = Math.min(best.read, spent() - packed)
  }
  assert.ok(best.pack < 800, `pack took ${best.pack} ms`)
  assert.ok(best.read < 500, `read took ${best.read} ms`)
})

test.run()
