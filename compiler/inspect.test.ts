import { readdirSync, readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Artifact, ArtifactConfig } from '../proto/artifact/format.ts'
import { readArtifact } from '../proto/artifact/read.ts'
import { sampleInput, samplePlan } from '../scripts/kit/sample-artifact.ts'
import { inspectArtifact, inspectionText } from './inspect.ts'
import { pack } from './pack/pack.ts'

const coverage = { unclassified: 0, classes: { compiled: 7, equivalent: 1, 'ignored-safe': 2, diverted: 0, rejected: 0 }, fields: [] }

async function sample(
  services: number,
  endpoints: number,
): Promise<{ readonly artifact: Artifact; readonly bytes: number; readonly config: ArtifactConfig }> {
  const { bytes, config } = await pack({ ...sampleInput(samplePlan(services, endpoints)), coverage })
  const result = readArtifact(bytes)
  if (result.kind !== 'artifact') throw new Error(result.error.message)
  return { artifact: result.artifact, bytes: bytes.length, config }
}

test('counts rows, bytes and endpoints', async () => {
  const { artifact, bytes, config } = await sample(3, 30)
  const report = inspectArtifact(artifact, bytes)
  assert.is(report.digest, artifact.digest)
  assert.equal(report.config, config)
  assert.equal(
    report.tables.map(({ table, entries, bytes: size }) => [table, entries, size]),
    [
      ['listener', 3, 3 * (20 + 16)],
      ['match', 0, 0],
      ['chain', 3, 3 * 40],
      ['cluster', 3, 3 * 112],
      ['endpoint', 36, 36 * 32],
      ['state', 40, 40 * 48],
      ['http', 0, 0],
      ['name', 0, 0],
    ],
  )
  assert.equal(report.clusters[1], {
    name: 'outbound|80||service-000001.shop.svc.cluster.local',
    policy: 'ROUND_ROBIN',
    endpoints: 10,
    maxConnections: 1024,
  })
  assert.equal(report.listeners[2], { name: 'listener-000002', protocol: 'tcp', addresses: ['127.96.0.2:80'], diverted: [] })
  assert.equal(report.coverage, { unclassified: 0, classes: coverage.classes })
})

test('its JSON follows the schema', async () => {
  const { artifact, bytes } = await sample(2, 4)
  const ajv = new Ajv({ strict: true, strictRequired: false })
  const directory = new URL('../proto/', import.meta.url)
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.schema.json')))
    ajv.addSchema(JSON.parse(readFileSync(new URL(name, directory), 'utf8')) as object)
  const validate = ajv.getSchema('inspect.schema.json')
  assert.ok(validate?.({ ...inspectArtifact(artifact, bytes), diagnostics: [] }), JSON.stringify(validate?.errors))
})

test('the text names programs, listeners and clusters, and says what it leaves out', async () => {
  const { artifact, bytes } = await sample(5, 10)
  const text = inspectionText(inspectArtifact(artifact, bytes), 3)
  assert.match(text, `artifact ${artifact.digest}\n`)
  assert.match(text, '  base.o  96 bytes, constant\n')
  assert.match(text, '    km_entry_connect4  connect4 slot 0, 300 instructions\n')
  assert.match(text, '  listener-000000  tcp 127.96.0.0:80\n')
  assert.match(
    text,
    'clusters (5)\n  outbound|80||service-000000.shop.svc.cluster.local  ROUND_ROBIN, 2 endpoints, at most 1024 connections\n',
  )
  assert.match(text, '  and 2 more (--json shows all)\n')
  assert.match(text, '  7 compiled, 1 equivalent, 2 ignored-safe, 0 diverted, 0 rejected, 0 unclassified\n')
  assert.not.match(text, 'listener-000003')
})

test('an artifact with foreign coverage is shown without it', async () => {
  const { bytes } = await pack({ ...sampleInput(samplePlan(1, 1)), coverage: 'nothing' })
  const result = readArtifact(bytes)
  assert.is(result.kind === 'artifact' && inspectArtifact(result.artifact, bytes.length).coverage, null)
})

test.run()
