/** A real registry, filled by skopeo, behind a counter of what is asked of it. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pack } from '../../compiler/pack/pack.ts'
import { signArtifact } from '../../compiler/pack/sign.ts'
import { openArtifact } from '../../proto/artifact/open.ts'
import { readPrivateKey, readPublicKeys, type SigningKey } from '../../proto/signature/key.ts'
import type { TrustPolicy } from '../../proto/signature/signature.ts'
import { startRegistry, type TestRegistry } from '../../scripts/kit/registry.ts'
import { sampleInput, samplePlan } from '../../scripts/kit/sample-artifact.ts'
import { CodedError } from '../coded-error.ts'
import { openBlobCache } from './blob-cache.ts'
import { openRegistry } from './registry.ts'
import { registrySource } from './registry-source.ts'
import { type OpenedCandidate, type RegistryPlace, readPlace, resultOf, type Source } from './source.ts'

const ADDRESS = '127.67.0.1'
const test = suite('registry')
const directory = mkdtempSync(join(tmpdir(), 'kmeshc-registry-source-'))
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const secret = readPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'test')
const open = readPublicKeys(publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'test') as readonly [SigningKey]
const policy: TrustPolicy = { source: 'the policy', keys: open }

let registry: TestRegistry
let counter: Server
/** "HEAD manifests", "GET blobs", ... */
let asked: string[] = []
let place: RegistryPlace

test.before(async () => {
  // the processor's own number keeps two runs apart
  const port = 20_000 + (process.pid % 10_000)
  registry = await startRegistry(ADDRESS, port)
  counter = createServer((from, to) => {
    const [, kind = ''] = /\/(manifests|blobs)\//.exec(from.url ?? '') ?? []
    asked.push(`${from.method} ${kind}`)
    const onward = request({ host: ADDRESS, port, method: from.method, path: from.url, headers: from.headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(to)
    })
    onward.on('error', () => to.destroy())
    from.pipe(onward)
  })
  await new Promise<void>((resolve) => counter.listen(port + 10_000, ADDRESS, resolve))
  place = readPlace(`oci:${ADDRESS}:${port + 10_000}/mesh/data-plane:latest`) as RegistryPlace
})
test.after(async () => {
  counter.closeAllConnections()
  counter.close()
  await registry.stop()
  rmSync(directory, { recursive: true, force: true })
})

async function push(endpoints: number, who: 'signed' | 'unsigned' = 'signed'): Promise<string> {
  const { bytes } = await pack(sampleInput(samplePlan(3, endpoints)))
  const signed = who === 'signed' ? await signArtifact(bytes, secret) : { kind: 'signed' as const, bytes }
  if (signed.kind === 'invalid') throw new Error(signed.error.message)
  const file = join(directory, 'artifact.tar')
  writeFileSync(file, signed.bytes)
  registry.push(file, 'mesh/data-plane:latest')
  const read = openArtifact(file)
  if (read.kind === 'invalid') throw new Error(read.error.message)
  return read.artifact.digest
}

function source(cache: string): Source {
  return registrySource(
    place,
    openRegistry(place, { transport: 'http', credentials: () => undefined }),
    openBlobCache(join(directory, cache)),
  )
}

/** What the source has, and what had to be asked for it. */
async function opened(
  from: Source,
  trust: TrustPolicy | 'anybody' = policy,
): Promise<OpenedCandidate & { readonly asked: readonly string[] }> {
  asked = []
  const [candidate] = await from.candidates()
  if (candidate === undefined) throw new Error('nothing there')
  return { ...(await candidate.open(trust === 'anybody' ? undefined : trust)), asked: [...asked].sort() }
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'accepted'
  } catch (error) {
    if (error instanceof CodedError) return error.message
    throw error
  }
}

test('skopeo pushes it, the same digest comes back, signed as it was', async () => {
  const digest = await push(30)
  const first = await opened(source('one'))
  assert.is(resultOf(first), digest)
  assert.equal(first.signers, [secret.id])
  assert.is(first.moved?.blobs, 4)
  assert.equal(first.asked, ['GET blobs', 'GET blobs', 'GET blobs', 'GET blobs', 'GET manifests', 'HEAD manifests'])
  const pulled = join(directory, 'pulled.tar')
  registry.pull('mesh/data-plane:latest', pulled)
  const again = openArtifact(pulled, policy)
  assert.is(again.kind === 'artifact' && again.artifact.digest, digest)
})

test('only changed layers move', async () => {
  const from = source('two')
  await push(30)
  await opened(from)
  await push(33)
  const changed = await opened(from)
  assert.equal(changed.asked, ['GET blobs', 'GET blobs', 'GET manifests', 'HEAD manifests'], 'config and maps, not programs and sources')
  assert.is(changed.moved?.blobs, 2)
  await push(30)
  assert.equal((await opened(from)).asked, ['GET manifests', 'HEAD manifests'], 'one step back moves nothing')
  asked = []
  await from.candidates()
  assert.equal(asked, ['HEAD manifests'], 'a tag that stays costs one request without a body')
  await push(36)
  await opened(from)
  await push(39)
  await opened(from)
  assert.is(readdirSync(join(directory, 'two')).length, 6, 'the cache holds this artifact and the one before')
})

test('a cache that was tampered with is no source of bytes', async () => {
  await push(30)
  const cache = join(directory, 'three')
  await opened(source('three'))
  const [first = '', second = ''] = readdirSync(cache).sort()
  writeFileSync(join(cache, first), 'something else')
  writeFileSync(join(cache, second), '')
  const healed = await opened(source('three'))
  assert.is(healed.moved?.blobs, 2)
  assert.is((await opened(source('three'))).moved?.blobs, 0)
})

test('nothing but the manifest is fetched of what nobody trusted signed', async () => {
  await push(42, 'unsigned')
  asked = []
  assert.match(await refusal(opened(source('four'))), /^KM9013/)
  assert.equal([...asked].sort(), ['GET manifests', 'HEAD manifests'])
  assert.equal((await opened(source('four'), 'anybody')).signers, [])
})

test('by digest, and what is not there', async () => {
  const digest = await push(30)
  const at = (reference: string, repository = 'mesh/data-plane'): Source => {
    const other = { ...place, reference, repository }
    return registrySource(
      other,
      openRegistry(other, { transport: 'http', credentials: () => undefined }),
      openBlobCache(join(directory, 'five')),
    )
  }
  await push(33)
  assert.is(resultOf(await opened(at(digest))), digest)
  assert.match(await refusal(opened(at('v9'))), /^KM9502: .*no tag "v9".*404/)
  assert.match(await refusal(opened(at('latest', 'mesh/none'))), /^KM9502/)
  assert.match(await refusal(opened(at(`sha256:${'0'.repeat(64)}`))), /^KM9502.*404/)
})

test.run()
