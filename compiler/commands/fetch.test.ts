/** `kmeshc fetch` as a user runs it: exit codes, the file, JSON by its schema; the server is a fake one in this process. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Behaviour, holding, startFakeServer } from '../../scripts/controlplane/fake-server.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'kmeshc-fetch-'))
const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true })
for (const name of readdirSync(join(root, 'proto')).filter((file) => file.endsWith('.schema.json')))
  ajv.addSchema(JSON.parse(readFileSync(join(root, 'proto', name), 'utf8')) as object)

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function kmeshc(...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'compiler/main.ts', ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
}

interface Output {
  readonly resources: Readonly<Record<string, number>>
  readonly snapshot?: { readonly bytes: number; readonly digest: string }
  readonly missing: readonly object[]
  readonly refused: readonly object[]
  readonly diagnostics: readonly { readonly code: string; readonly path: string }[]
}

async function json(expected: number, ...args: readonly string[]): Promise<Output> {
  const { code, stdout, stderr } = await kmeshc('fetch', '--node-id', 'n', '--json', ...args)
  assert.is(code, expected, stderr + stdout)
  assert.is(stderr, '')
  const output = JSON.parse(stdout) as Output
  const validate = ajv.getSchema('fetch.schema.json')
  assert.ok(validate?.(output), JSON.stringify(validate?.errors))
  return output
}

async function against<T>(behaviour: Behaviour, run: (server: string) => Promise<T>): Promise<T> {
  const server = await startFakeServer(behaviour)
  try {
    return await run(`127.0.0.1:${server.port}`)
  } finally {
    server.close()
  }
}

const EDS = { name: 'a', type: 'EDS', connect_timeout: '1s', eds_cluster_config: { eds_config: { ads: {} } } }
const MESH = {
  'envoy.config.cluster.v3.Cluster': [EDS],
  'envoy.config.endpoint.v3.ClusterLoadAssignment': [{ cluster_name: 'a' }],
}
const file = join(directory, 'snapshot.json')

test('the file, its summary, its JSON, and standard output hold the same', () =>
  against(holding(MESH), async (server) => {
    const { snapshot, resources } = await json(0, '--server', server, '-o', file)
    assert.equal(resources, { cds: 1, eds: 1, lds: 0, srds: 0, ecds: 0, rds: 0 })
    const written = readFileSync(file, 'utf8')
    assert.is(snapshot?.bytes, written.length)
    const text = await kmeshc('fetch', '--server', server, '--node-id', 'n', '--delta', '-o', '-')
    assert.equal([text.code, text.stdout, text.stderr], [0, written, ''])
    const summary = await kmeshc('fetch', '--server', server, '--node-id', 'n', '-o', file)
    assert.is(summary.stdout, `${file}  ${snapshot?.digest.slice(0, 19)}  1 clusters, 1 endpoint assignments, 0 listeners\n`)
    assert.is((await kmeshc('check', file)).code, 0)
  }))

test('a warning leaves exit 0 and a file; under --strict it is an error, and nothing is written', () =>
  against(holding({ 'envoy.config.cluster.v3.Cluster': [EDS] }), async (server) => {
    const target = join(directory, 'part.json')
    const strict = await json(1, '--server', server, '--timeout', '1', '--strict', '-o', target)
    assert.equal([strict.diagnostics.map(({ code }) => code), strict.snapshot], [['KM1854'], undefined])
    assert.not.ok(readdirSync(directory).includes('part.json'))
    const lenient = await json(0, '--server', server, '--timeout', '1', '-o', target)
    assert.equal(lenient.missing, [{ kind: 'eds', name: 'a', why: 'unanswered' }])
    assert.ok(readdirSync(directory).includes('part.json'))
  }))

test('what is refused writes nothing, and every finding has its path', () =>
  against(holding({ 'envoy.config.cluster.v3.Cluster': [{ name: 'b', connect_timeout: '-3s' }] }), async (server) => {
    const output = await json(1, '--server', server, '-o', join(directory, 'refused.json'))
    assert.equal(output.refused, [{ kind: 'cds', name: 'b' }])
    assert.equal(output.diagnostics.map(({ code, path }) => `${code} ${path}`).sort(), ['KM1110 cds["b"].connect_timeout', 'KM1855 '])
    assert.not.ok(readdirSync(directory).includes('refused.json'))
  }))

test('nobody there, files that are not, a place that cannot be written', async () => {
  const codes = async (...args: readonly string[]): Promise<readonly string[]> =>
    (await json(1, ...args)).diagnostics.map(({ code }) => code)
  assert.equal(await codes('--server', '127.0.0.1:1', '--retries', '1', '-o', file), ['KM1850'])
  assert.equal(await codes('--server', '127.0.0.1:1', '--ca', join(directory, 'none.pem'), '-o', file), ['KM1001'])
  const list = join(directory, 'list.json')
  writeFileSync(list, '[]')
  assert.equal(await codes('--server', '127.0.0.1:1', '--node-metadata', `@${list}`, '-o', file), ['KM1003'])
  writeFileSync(list, 'no certificate')
  assert.equal(await codes('--server', '127.0.0.1:1', '--cert', list, '--key', list, '-o', file), ['KM1851'])
  await against(holding(MESH), async (server) => {
    assert.equal(await codes('--server', server, '-o', join(directory, 'no', 'such.json')), ['KM1802'])
  })
})

test('wrong usage is exit 2', async () => {
  const usual = { '--server': 'h:1', '--node-id': 'n', '-o': file }
  const wrong: readonly Readonly<Record<string, string>>[] = [
    { '--server': 'h' },
    { '--server': 'h:99999' },
    { '--server': 'http://h:1' },
    { '--timeout': '0' },
    { '--retries': '1.5' },
    { '--cert': 'a' },
    { '--locality': 'a/b/c/d' },
    { '--node-metadata': '[1]' },
    { '--header': 'no' },
    { '-o': '-', '--json': 'true' },
    { '--output': 'b' },
  ]
  const ended = await Promise.all([
    ...wrong.map((one) => kmeshc('fetch', ...Object.entries({ ...usual, ...one }).flat())),
    kmeshc('fetch', '--server', 'h:1'),
  ])
  for (const [index, { code, stderr }] of ended.entries()) {
    assert.is(code, 2, `${index}: ${stderr}`)
    assert.match(stderr, 'kmeshc --help')
  }
})

test.after(() => rmSync(directory, { recursive: true, force: true }))

test.run()
