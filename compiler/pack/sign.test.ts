/** A signed artifact, and everything that somebody could do to it. */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Descriptor, Manifest } from '../../proto/artifact/oci.ts'
import { openArtifact } from '../../proto/artifact/open.ts'
import { readArtifact, readLayout } from '../../proto/artifact/read.ts'
import { sha256 } from '../../proto/artifact/sha256.ts'
import { readArtifactOrDelta } from '../../proto/delta/read-file.ts'
import { readPrivateKey, readPublicKeys, type SigningKey } from '../../proto/signature/key.ts'
import type { TrustPolicy } from '../../proto/signature/signature.ts'
import { sampleInput, samplePlan } from '../../scripts/kit/sample-artifact.ts'
import { packDelta } from '../delta/pack-delta.ts'
import { writeLayout } from './layout.ts'
import { pack } from './pack.ts'
import { signArtifact } from './sign.ts'

interface Person {
  readonly secret: SigningKey
  readonly open: SigningKey
}

function person(): Person {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const secret = readPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'test')
  return { secret, open: readPublicKeys(publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'test')[0] as SigningKey }
}

const [ours, other, stranger] = [person(), person(), person()]
const trusting = (...people: readonly Person[]): TrustPolicy => ({ source: 'the policy', keys: people.map(({ open }) => open) })
const packed = await pack(sampleInput(samplePlan(3, 9)))
const elsewhere = await pack(sampleInput(samplePlan(4, 9)))

async function signed(bytes: Uint8Array, ...people: readonly Person[]): Promise<Uint8Array> {
  let result = bytes
  for (const { secret } of people) {
    const one = await signArtifact(result, secret)
    if (one.kind === 'invalid') throw new Error(one.error.message)
    result = one.bytes
  }
  return result
}

function verdict(bytes: Uint8Array, trust: TrustPolicy = trusting(ours)): string {
  const result = readArtifact(bytes, trust)
  return result.kind === 'invalid' ? result.error.code : `accepted from ${result.signers.length}`
}

const whole = await signed(packed.bytes, ours)

/** With right digests everywhere, as an attacker would. */
async function rebuilt(change: (manifest: Manifest, blobs: Uint8Array[]) => Manifest, from: Uint8Array = whole): Promise<Uint8Array> {
  const { manifest, blobs } = readLayout(from)
  const parts = JSON.parse(Buffer.from(manifest).toString()) as Manifest
  const contents = [parts.config, ...parts.layers].map(({ digest }) => blobs.get(digest) as Uint8Array)
  return (await writeLayout(change(parts, contents), contents)).bytes
}
const describing = (one: Descriptor | undefined, content: Uint8Array): Descriptor => ({
  ...(one as Descriptor),
  digest: `sha256:${sha256(content)}`,
  size: content.length,
})

test('who signed is who is trusted', async () => {
  assert.is(verdict(whole), 'accepted from 1')
  assert.is(verdict(whole, trusting(other, ours)), 'accepted from 1')
  const both = await signed(packed.bytes, ours, other)
  assert.is(verdict(both, trusting(other, ours)), 'accepted from 2')
  assert.is(verdict(both, trusting(other)), 'accepted from 1')
  assert.is(verdict(packed.bytes), 'KM9013')
  assert.is(verdict(whole, trusting(stranger)), 'KM9014')
  assert.is(verdict(both, trusting()), 'KM9014')
  const read = readArtifact(both, trusting(other))
  assert.equal(read.kind === 'artifact' && read.signers, [other.open.id])
  assert.is(readArtifact(whole).kind, 'artifact', 'nobody asks for a signature')
})

test('signing is deterministic, in any order, and twice is once', async () => {
  const same = (a: Uint8Array, b: Uint8Array): void => assert.ok(Buffer.from(a).equals(b))
  same(await signed(packed.bytes, ours), whole)
  same(await signed(whole, ours), whole)
  same(await signed(packed.bytes, ours, other), await signed(packed.bytes, other, ours))
})

test('without its signatures it is the artifact that was signed, to the byte', async () => {
  const bare = await rebuilt(({ annotations: _, ...manifest }) => manifest)
  assert.ok(Buffer.from(bare).equals(packed.bytes))
  const read = readArtifact(whole)
  assert.is.not(read.kind === 'artifact' && read.artifact.digest, packed.digest)
})

test('cut off at every block, and around every block', () => {
  for (let block = 0; block <= whole.length; block += 512)
    for (const length of [block - 1, block, block + 1])
      if (length >= 0 && length < whole.length) assert.match(verdict(whole.subarray(0, length)), /^KM90\d\d$/, `cut at ${length}`)
})

test('a flipped bit anywhere is noticed', () => {
  for (let offset = 0; offset < whole.length; offset++) {
    const flipped = Buffer.from(whole)
    flipped[offset] = (flipped[offset] as number) ^ (1 << (offset % 8))
    assert.match(verdict(flipped), /^KM90\d\d$/, `byte ${offset}`)
  }
})

test('a flipped byte under right digests is noticed: every blob, the manifest, the signature', async () => {
  for (const blob of [0, 1, 2, 3]) {
    const size = readLayout(whole).blobs.size === 4 ? ([...readLayout(whole).blobs.values()][blob]?.length ?? 0) : 0
    for (const at of [0, 9, Math.floor(size / 2), size - 1]) {
      const bytes = await rebuilt((manifest, contents) => {
        const changed = Buffer.from(contents[blob] as Uint8Array)
        changed[at] = (changed[at] as number) ^ 0xff
        contents[blob] = changed
        return {
          ...manifest,
          config: describing(manifest.config, contents[0] as Uint8Array),
          layers: manifest.layers.map((one, index) => describing(one, contents[index + 1] as Uint8Array)),
        }
      })
      assert.is(verdict(bytes), 'KM9015', `blob ${blob}, byte ${at}`)
    }
  }
  const name = Object.keys(JSON.parse(Buffer.from(readLayout(whole).manifest).toString()).annotations as object)[0] as string
  const withSignature = (change: (text: string) => string, key = name): Promise<Uint8Array> =>
    rebuilt((manifest) => ({ ...manifest, annotations: { [key]: change(manifest.annotations?.[name] as string) } }))
  for (let at = 0; at < 85; at++)
    assert.is(
      verdict(await withSignature((text) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1))),
      'KM9015',
      `${at}`,
    )
  assert.is(verdict(await withSignature(() => `${'A'.repeat(86)}==`)), 'KM9015', 'all zeros')
  for (const broken of ['', 'x', 'A'.repeat(88), `${'A'.repeat(85)}B==`, `${'A'.repeat(86)}==\n`])
    assert.is(verdict(await withSignature(() => broken)), 'KM9007', JSON.stringify(broken))
  const sameText = (text: string): string => text
  assert.is(
    verdict(await withSignature(sameText, name.replace(/[0-9a-f]{64}$/, stranger.open.id))),
    'KM9014',
    'under the name of a stranger',
  )
  assert.is(verdict(await withSignature(sameText, name.replace('v1', 'v2'))), 'KM9007')
  assert.is(verdict(await withSignature(sameText, 'org.opencontainers.image.title')), 'KM9007')
})

test('a signature is of this artifact alone', async () => {
  const annotations = (bytes: Uint8Array): Manifest['annotations'] =>
    (JSON.parse(Buffer.from(readLayout(bytes).manifest).toString()) as Manifest).annotations
  const taken = annotations(await signed(elsewhere.bytes, ours))
  assert.is(verdict(await rebuilt((manifest) => ({ ...manifest, annotations: taken as Record<string, string> }))), 'KM9015')
  const mixed = { ...annotations(await signed(packed.bytes, other)), ...taken }
  assert.is(
    verdict(await rebuilt((manifest) => ({ ...manifest, annotations: mixed })), trusting(ours, other)),
    'KM9015',
    'one right, one wrong',
  )
})

test('layers that were swapped, or come from another artifact', async () => {
  const far = readLayout(await signed(elsewhere.bytes, ours))
  const farManifest = JSON.parse(Buffer.from(far.manifest).toString()) as Manifest
  for (const index of [0, 1, 2]) {
    const descriptor = farManifest.layers[index] as Descriptor
    const same = descriptor.digest === (JSON.parse(Buffer.from(readLayout(whole).manifest).toString()) as Manifest).layers[index]?.digest
    const bytes = await rebuilt((manifest, contents) => {
      contents[index + 1] = far.blobs.get(descriptor.digest) as Uint8Array
      return { ...manifest, layers: manifest.layers.map((one, at) => (at === index ? descriptor : one)) }
    })
    assert.is(verdict(bytes), same ? 'accepted from 1' : 'KM9015', `layer ${index}`)
  }
  for (const [a, b] of [
    [0, 1],
    [1, 2],
    [0, 2],
  ] as const) {
    const bytes = await rebuilt((manifest) => {
      const layers = [...manifest.layers]
      const [one, two] = [layers[a] as Descriptor, layers[b] as Descriptor]
      layers[a] = { ...two, mediaType: one.mediaType }
      layers[b] = { ...one, mediaType: two.mediaType }
      return { ...manifest, layers }
    })
    assert.is(verdict(bytes), 'KM9015', `${a} and ${b}`)
  }
})

test('nothing is unpacked before the signature was looked at', async () => {
  const bomb = gzipSync(Buffer.alloc(65 << 20), { level: 9 })
  const exploding = (annotations: Manifest['annotations'] | undefined): Promise<Uint8Array> =>
    rebuilt((manifest, contents) => {
      contents[1] = bomb
      const { annotations: had, ...rest } = manifest
      const layers = manifest.layers.map((one, index) => (index === 0 ? describing(one, bomb) : one))
      return { ...rest, layers, ...(annotations === undefined ? {} : { annotations: had as Record<string, string> }) }
    })
  assert.is(verdict(await exploding({})), 'KM9015')
  assert.is(verdict(await exploding(undefined)), 'KM9013')
  const unasked = readArtifact(await exploding(undefined))
  assert.is(unasked.kind === 'invalid' && unasked.error.code, 'KM9010', 'it is a bomb')
})

test('a delta is signed too, and neither passes for the other', async () => {
  const ends = { compiler: { version: '0.1.0' }, base: [packed.digest], result: elsewhere.digest }
  const changes = {
    clusters: [],
    services: [{ at: 0, remove: 1, insert: [] }],
    rows: new Uint8Array(0),
    owners: new Uint8Array(16),
    relocations: new Uint32Array(0),
  }
  const delta = await packDelta(changes, ends)
  const taken = (bytes: Uint8Array): string => {
    const read = readArtifactOrDelta(bytes, trusting(ours))
    return read.kind === 'invalid' ? read.error.code : `${read.kind} from ${read.signers.length}`
  }
  assert.is(taken(delta.bytes), 'KM9013')
  const signedDelta = await signed(delta.bytes, ours)
  assert.is(taken(signedDelta), 'delta from 1')
  assert.is(taken(whole), 'artifact from 1')
  const other = await rebuilt((manifest, contents) => {
    const config = Buffer.from(
      Buffer.from(contents[0] as Uint8Array)
        .toString()
        .replace(packed.digest, elsewhere.digest),
    )
    contents[0] = config
    return { ...manifest, config: describing(manifest.config, config) }
  }, signedDelta)
  assert.is(taken(other), 'KM9015', 'for another base')
})

test('what cannot be read cannot be signed', async () => {
  const cut = await signArtifact(whole.subarray(0, 4096), ours.secret)
  assert.is(cut.kind === 'invalid' && cut.error.code, 'KM9003')
})

test('skopeo hands the signature on', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kmeshc-sign-'))
  try {
    writeFileSync(join(directory, 'artifact.tar'), whole)
    for (const [from, to] of [
      ['oci-archive:artifact.tar', 'oci:layout:latest'],
      ['oci:layout:latest', 'dir:flat'],
      ['dir:flat', 'oci-archive:again.tar'],
    ] as const)
      execFileSync('skopeo', ['--insecure-policy', 'copy', '-q', from, to], { cwd: directory, stdio: 'pipe' })
    const again = openArtifact(join(directory, 'again.tar'), trusting(ours))
    assert.equal(again.kind === 'artifact' && again.signers, [ours.open.id])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

test.run()
