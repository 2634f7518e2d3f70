/** Artifacts that somebody damaged, cut, rebuilt or made up: each gives a coded error, none an exception. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../proto/abi.ts'
import type { Field, Layout } from '../../proto/layout.ts'
import type { ArtifactConfig } from '../../proto/artifact/format.ts'
import { openArtifact } from '../../proto/artifact/open.ts'
import { readArtifact } from '../../proto/artifact/read.ts'
import { sha256 } from '../../proto/artifact/sha256.ts'
import { readTar } from '../../proto/artifact/tar.ts'
import { runtimeCodes } from '../../proto/codes.ts'
import { sampleInput, samplePlan } from '../../scripts/kit/sample-artifact.ts'
import { archive } from './archive.ts'
import { pack } from './pack.ts'

type Json = Record<string, unknown>
interface Parts {
  layout: string
  index: Json
  manifest: Json & { config: Json; layers: Json[] }
  config: Json & { abi: { version: number; digest: string }; entries: Record<string, number>; programs: { unit: string }[] }
  layers: Map<string, Uint8Array>[]
}

const { bytes: whole, digest } = await pack(sampleInput(samplePlan(3, 9)))
const [PROGRAMS, MAPS, SOURCES] = [0, 1, 2] as const

function verdict(bytes: Uint8Array): string {
  const result = readArtifact(bytes)
  if (result.kind === 'artifact') return result.artifact.digest === digest ? 'accepted' : 'another artifact'
  const { code, message, fix } = result.error
  assert.ok(runtimeCodes[code] !== undefined && fix.length > 0)
  assert.not.match(message, /\n/, 'one line')
  assert.ok(message.length < 400, `short: ${message}`)
  return code
}

function parts(): Parts {
  const files = [...readTar(whole, 'it').values()]
  const json = (index: number): never => JSON.parse(Buffer.from(files[index] as Uint8Array).toString()) as never
  const layers = [4, 5, 6].map((index) => new Map(readTar(gunzipSync(files[index] as Uint8Array), 'layer')))
  return { layout: Buffer.from(files[0] as Uint8Array).toString(), index: json(1), manifest: json(2), config: json(3), layers }
}

/** Puts changed parts together again with right digests, as an attacker or another tool could. */
async function rebuilt(change: (all: Parts) => void, finish?: (all: Parts) => void): Promise<Uint8Array> {
  const all = parts()
  change(all)
  const layers = await Promise.all(
    all.layers.map(async (files) => gzipSync(await archive([...files].map(([name, content]) => ({ name, content }))))),
  )
  const config = Buffer.from(JSON.stringify(all.config))
  const describe = (target: Json, content: Uint8Array): void => {
    target.digest = `sha256:${sha256(content)}`
    target.size = content.length
  }
  describe(all.manifest.config, config)
  for (const [index, layer] of layers.entries())
    if (all.manifest.layers[index] !== undefined) describe(all.manifest.layers[index] as Json, layer)
  finish?.(all)
  const manifest = Buffer.from(JSON.stringify(all.manifest))
  for (const named of all.index.manifests as Json[]) describe(named, manifest)
  return archive([
    { name: 'oci-layout', content: Buffer.from(all.layout) },
    { name: 'index.json', content: Buffer.from(JSON.stringify(all.index)) },
    ...[manifest, config, ...layers].map((content) => ({ name: `blobs/sha256/${sha256(content)}`, content })),
  ])
}

const map = (all: Parts, name: string): Buffer => {
  const content = Buffer.from(all.layers[MAPS]?.get(name) as Uint8Array)
  all.layers[MAPS]?.set(name, content)
  return content
}
const at = (layout: Layout, name: string): number => (layout.fields[name] as Field).offset

test('rebuilt without a change it is accepted', async () => {
  const result = readArtifact(await rebuilt(() => undefined))
  assert.is(result.kind, 'artifact', result.kind === 'invalid' ? result.error.message : '')
})

test('cut off at every block, and around every block', () => {
  assert.is(verdict(whole), 'accepted')
  for (let block = 0; block <= whole.length; block += 512) {
    for (const length of [block - 1, block, block + 1]) {
      if (length >= 0 && length < whole.length) assert.is.not(verdict(whole.subarray(0, length)), 'accepted', `cut at ${length}`)
    }
  }
})

test('a flipped byte anywhere is noticed', () => {
  for (let offset = 0; offset < whole.length; offset++) {
    for (const bits of [1 << (offset % 8), 0x10, 0x20, 0xff]) {
      const flipped = Buffer.from(whole)
      flipped[offset] = (flipped[offset] as number) ^ bits
      assert.match(verdict(flipped), /^KM90\d\d$/, `byte ${offset} ^ ${bits}`)
    }
  }
})

test('no tar, an empty file, another tar', async () => {
  assert.is(verdict(new Uint8Array(0)), 'KM9002')
  assert.is(verdict(Buffer.from('{"@type": "not an artifact"}'.repeat(100))), 'KM9002')
  assert.is(verdict(gzipSync(Buffer.from('hello'))), 'KM9002')
  assert.is(verdict(await archive([{ name: 'README', content: Buffer.from('hello') }])), 'KM9002')
  assert.is(verdict(await rebuilt((all) => (all.layout = '{"imageLayoutVersion":"2.0.0"}'))), 'KM9002')
  assert.is(verdict(await rebuilt((all) => (all.layout = '[]'))), 'KM9002')
  assert.is(verdict(await rebuilt((all) => (all.layout = 'no json'))), 'KM9007')
})

test('another kind of image, another version', async () => {
  assert.is(verdict(await rebuilt((all) => delete all.manifest.artifactType)), 'KM9006')
  assert.is(verdict(await rebuilt((all) => (all.manifest.artifactType = 'application/vnd.other.v1'))), 'KM9006')
  assert.is(verdict(await rebuilt((all) => (all.manifest.artifactType = 'application/vnd.kmesh.artifact.v2'))), 'KM9008')
  assert.is(verdict(await rebuilt((all) => (all.config.schemaVersion = 2))), 'KM9008')
  assert.is(verdict(await rebuilt((all) => (all.config.schemaVersion = 'one'))), 'KM9007')
  assert.is(verdict(await rebuilt((all) => all.manifest.layers.reverse())), 'KM9006')
  assert.is(verdict(await rebuilt((all) => (all.manifest.config.mediaType = 'application/vnd.oci.image.config.v1+json'))), 'KM9006')
  assert.is(verdict(await rebuilt((all) => (all.index.manifests as Json[]).push({ ...(all.index.manifests as Json[])[0] }))), 'KM9006')
  assert.is(verdict(await rebuilt((all) => (all.index.manifests = []))), 'KM9006')
})

test('other struct layouts', async () => {
  assert.is(verdict(await rebuilt((all) => (all.config.abi.version += 1))), 'KM9009')
  assert.is(verdict(await rebuilt((all) => (all.config.abi.digest = '0'.repeat(64)))), 'KM9009')
})

test('swapped, missing and surplus blobs', async () => {
  const swap = (one: number, two: number) => (all: Parts) => {
    const [a, b] = [all.manifest.layers[one] as Json, all.manifest.layers[two] as Json]
    ;[a.digest, a.size, b.digest, b.size] = [b.digest, b.size, a.digest, a.size]
  }
  assert.is(verdict(await rebuilt(() => undefined, swap(PROGRAMS, MAPS))), 'KM9011')
  assert.is(verdict(await rebuilt(() => undefined, swap(MAPS, SOURCES))), 'KM9011')
  assert.is(
    verdict(
      await rebuilt(
        () => undefined,
        (all) => ((all.manifest.layers[0] as Json).size = 5),
      ),
    ),
    'KM9005',
  )
  assert.is(
    verdict(
      await rebuilt(
        () => undefined,
        (all) => ((all.manifest.layers[0] as Json).digest = `sha256:${'1'.repeat(64)}`),
      ),
    ),
    'KM9005',
  )
  assert.is(
    verdict(
      await rebuilt(
        () => undefined,
        (all) => ((all.manifest.layers[0] as Json).digest = '../../../etc/passwd'),
      ),
    ),
    'KM9007',
  )
  assert.is(verdict(await rebuilt((all) => all.manifest.layers.pop())), 'KM9006')
  const files = [...readTar(whole, 'it')].map(([name, content]) => ({ name, content }))
  assert.is(verdict(await archive([...files, { name: `blobs/sha256/${sha256('x')}`, content: Buffer.from('x') }])), 'KM9004')
  assert.is(verdict(await archive([...files, { name: 'manifest.json', content: Buffer.from('{}') }])), 'KM9004')
  assert.is(verdict(await archive(files.slice(0, -1))), 'KM9005')
  const contents = files.map(({ content }) => content)
  const exchanged = files.map(({ name }, index) => ({ name, content: contents[index === 4 ? 5 : index === 5 ? 4 : index] as Uint8Array }))
  assert.is(verdict(await archive(exchanged)), 'KM9005')
})

test('a layer that is no gzip, or a bomb', async () => {
  const withLayer = async (index: number, content: Uint8Array): Promise<string> => {
    const all = parts()
    const files = [...readTar(whole, 'it').values()]
    const layers = [4, 5, 6].map((file, layer) => (layer === index ? content : (files[file] as Uint8Array)))
    const config = files[3] as Uint8Array
    for (const [layer, blob] of layers.entries())
      Object.assign(all.manifest.layers[layer] as Json, { digest: `sha256:${sha256(blob)}`, size: blob.length })
    const manifest = Buffer.from(JSON.stringify(all.manifest))
    Object.assign((all.index.manifests as Json[])[0] as Json, { digest: `sha256:${sha256(manifest)}`, size: manifest.length })
    return verdict(
      await archive([
        { name: 'oci-layout', content: files[0] as Uint8Array },
        { name: 'index.json', content: Buffer.from(JSON.stringify(all.index)) },
        ...[manifest, config, ...layers].map((blob) => ({ name: `blobs/sha256/${sha256(blob)}`, content: blob })),
      ]),
    )
  }
  assert.is(await withLayer(PROGRAMS, Buffer.from('not gzip')), 'KM9010')
  assert.is(await withLayer(MAPS, gzipSync(whole).subarray(0, 100)), 'KM9010')
  assert.is(await withLayer(PROGRAMS, gzipSync(Buffer.alloc(65 << 20), { level: 9 })), 'KM9010')
  assert.is(await withLayer(SOURCES, gzipSync(Buffer.from('not a tar'))), 'KM9002')
})

test('layers that are not what the config says', async () => {
  const maps = (change: (files: Map<string, Uint8Array>) => void) => rebuilt((all) => change(all.layers[MAPS] as Map<string, Uint8Array>))
  assert.is(verdict(await maps((files) => files.delete('maps/chain'))), 'KM9011')
  assert.is(verdict(await maps((files) => files.set('maps/extra', new Uint8Array(4)))), 'KM9011')
  assert.is(verdict(await maps((files) => files.set('maps/chain', new Uint8Array(1)))), 'KM9011')
  assert.is(verdict(await maps((files) => files.set('maps/endpoint', new Uint8Array(0)))), 'KM9011')
  assert.is(verdict(await rebuilt((all) => (all.config.entries.state = 1))), 'KM9011')
  assert.is(verdict(await rebuilt((all) => all.layers[PROGRAMS]?.delete('programs/entry.o'))), 'KM9011')
  assert.is(verdict(await rebuilt((all) => all.layers[PROGRAMS]?.set('programs/more.o', new Uint8Array(64)))), 'KM9011')
  assert.is(verdict(await rebuilt((all) => all.layers[PROGRAMS]?.set('programs/entry.o', Buffer.from('no object')))), 'KM9011')
  assert.is(verdict(await rebuilt((all) => all.config.programs.push({ ...(all.config.programs[0] as { unit: string }) }))), 'KM9011')
  assert.is(verdict(await rebuilt((all) => ((all.config.programs[0] as { unit: string }).unit = '../../x'))), 'KM9007')
  assert.is(verdict(await rebuilt((all) => all.layers[SOURCES]?.set('elsewhere', new Uint8Array(1)))), 'KM9011')
  assert.is(verdict(await maps((files) => files.set('maps/names.json', Buffer.from('{"listeners":[]}')))), 'KM9007')
  assert.is(verdict(await maps((files) => files.set('maps/names.json', Buffer.from([0xff, 0xfe])))), 'KM9007')
})

test('rows that lead out of their tables', async () => {
  const broken = (file: string, offset: number, value: number) => rebuilt((all) => map(all, file).writeUInt32LE(value, offset))
  assert.is(verdict(await broken('maps/listener.values', at(abi.listenerValue, 'target'), 3)), 'KM9012')
  assert.is(verdict(await broken('maps/listener.values', at(abi.listenerValue, 'state'), 1_000_000)), 'KM9012')
  assert.is(verdict(await broken('maps/chain', at(abi.chain, 'target'), 3)), 'KM9012')
  assert.is(verdict(await broken('maps/chain', at(abi.chain, 'kind'), 9)), 'KM9012')
  assert.is(verdict(await broken('maps/chain', at(abi.chain, 'kind'), abi.CHAIN_WEIGHTED)), 'KM9012')
  assert.is(verdict(await broken('maps/cluster', at(abi.cluster, 'policy'), 5)), 'KM9012')
  assert.is(verdict(await broken('maps/cluster', at(abi.cluster, 'state'), 0xffffffff)), 'KM9012')
  assert.is(verdict(await broken('maps/cluster', at(abi.cluster, 'cells') + at(abi.cell, 'first'), 0xffffffff)), 'KM9012')
  // stored as the difference to the state before: 0xffffffff would be one less
  assert.is(verdict(await broken('maps/endpoint', 2 * abi.ROW_SIZE + at(abi.endpoint, 'state'), 0x7fffffff)), 'KM9012')
  assert.is(verdict(await broken('maps/endpoint.relocations', 0, 0xfffffff0)), 'KM9012')
  assert.is(verdict(await broken('maps/endpoint.relocations', 0, 3)), 'KM9012')
  assert.is(verdict(await broken('maps/endpoint.relocations', 4, 0)), 'KM9012')
  const names = (change: (document: { listeners: { state: number }[]; clusters: { state: number }[] }) => void) =>
    rebuilt((all) => {
      const document = JSON.parse(map(all, 'maps/names.json').toString()) as Parameters<typeof change>[0]
      change(document)
      all.layers[MAPS]?.set('maps/names.json', Buffer.from(JSON.stringify(document)))
    })
  assert.is(verdict(await names((document) => document.clusters.pop())), 'KM9012')
  assert.is(verdict(await names((document) => ((document.listeners[0] as { state: number }).state = 99))), 'KM9012')
})

test('every property of the config is checked', async () => {
  const original = parts().config as unknown as ArtifactConfig
  for (const key of Object.keys(original)) {
    assert.is(verdict(await rebuilt((all) => delete all.config[key])), 'KM9007', `without ${key}`)
    assert.is(verdict(await rebuilt((all) => (all.config[key] = null))), 'KM9007', `${key} null`)
  }
  assert.is(verdict(await rebuilt((all) => (all.config.more = 1))), 'KM9007')
  assert.is(verdict(await rebuilt((all) => (all.config.entries.endpoint = -1))), 'KM9007')
})

test('files that cannot be read', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kmeshc-hostile-'))
  try {
    const code = (path: string): string => {
      const result = openArtifact(path)
      return result.kind === 'invalid' ? result.error.code : 'accepted'
    }
    mkdirSync(join(directory, 'folder'))
    writeFileSync(join(directory, 'good'), whole)
    writeFileSync(join(directory, 'bad'), whole.subarray(0, 2000))
    assert.is(code(join(directory, 'none')), 'KM9001')
    assert.is(code(join(directory, 'folder')), 'KM9001')
    assert.is(code('/dev/null'), 'KM9001')
    assert.is(code(join(directory, 'bad')), 'KM9003')
    assert.is(code(join(directory, 'good')), 'accepted')
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

test.run()
