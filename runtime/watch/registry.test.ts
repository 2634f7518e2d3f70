/** Registries that misbehave, and those that ask who is there. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sha256 } from '../../proto/artifact/sha256.ts'
import { CodedError } from '../coded-error.ts'
import { readCredentials } from './credentials.ts'
import { authorize, openRegistry, type Registry, type RegistryAccess } from './registry.ts'
import { readPlace } from './source.ts'

const ADDRESS = '127.67.0.2'
const test = suite('registry protocol')
const BLOB = Buffer.from('x'.repeat(1000))
const DIGEST = `sha256:${sha256(BLOB)}`
const directory = mkdtempSync(join(tmpdir(), 'kmeshc-registry-'))
test.after(() => rmSync(directory, { recursive: true, force: true }))

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** Runs `work` against a server. Out: what it gave, or code and message of its error. */
async function against<T>(
  handler: Handler,
  work: (registry: Registry, host: string) => Promise<T>,
  access: Partial<RegistryAccess> = {},
): Promise<T | string> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve))
  const host = `${ADDRESS}:${(server.address() as AddressInfo).port}`
  try {
    const place = { kind: 'registry' as const, host, repository: 'mesh/data-plane', reference: 'latest' }
    return await work(openRegistry(place, { transport: 'http', credentials: () => undefined, ...access }), host)
  } catch (error) {
    if (error instanceof CodedError) return error.message
    throw error
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const answer =
  (status: number, body: Uint8Array | string = '', headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    response.writeHead(status, headers)
    response.end(body)
  }
const blob = (registry: Registry): Promise<Uint8Array> => registry.blob({ digest: DIGEST, size: BLOB.length })

test('bytes are those of the digest, or none', async () => {
  assert.equal(await against(answer(200, BLOB), blob), BLOB)
  for (const [handler, why] of [
    [answer(200, BLOB.subarray(1)), 'other bytes'],
    [answer(200, Buffer.alloc(1000)), 'other bytes'],
    [answer(200, Buffer.concat([BLOB, BLOB])), 'more than the 1000 bytes'],
    [answer(404), 'status 404'],
    [answer(500, BLOB), 'status 500'],
    [answer(206, BLOB), 'status 206'],
    [answer(302, '', { location: 'http://[' }), 'cannot be reached'],
    [(_: IncomingMessage, response: ServerResponse) => void response.destroy(), 'cannot be reached'],
    [
      (_: IncomingMessage, response: ServerResponse) => {
        response.writeHead(200, { 'content-length': '1000' })
        response.write(BLOB.subarray(0, 10))
        setTimeout(() => response.destroy(), 20)
      },
      'cannot be reached',
    ],
  ] as const) {
    const said = await against(handler as Handler, blob)
    assert.match(String(said), new RegExp(`^KM9502: the registry 127[^\\n]*${why}[^\\n]*$`))
  }
})

test('a stream without an end is cut off', async () => {
  const endless: Handler = (_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    }
    response.on('drain', more)
    more()
  }
  assert.match(String(await against(endless, (registry) => registry.manifest(DIGEST))), /more than the 65536 bytes/)
})

test('the digest of a tag is what the registry says, or that of the manifest', async () => {
  const resolve = (registry: Registry): Promise<string> => registry.resolve()
  assert.is(await against(answer(200, BLOB, { 'docker-content-digest': DIGEST }), resolve), DIGEST)
  assert.is(await against(answer(200, BLOB), resolve), DIGEST)
  assert.is(await against(answer(200, BLOB, { 'docker-content-digest': 'md5:../../x' }), resolve), DIGEST)
  assert.match(String(await against(answer(404), resolve)), /no tag "latest"/)
})

test('nobody listens', async () => {
  const closed = createServer()
  await new Promise<void>((resolve) => closed.listen(0, ADDRESS, resolve))
  const { port } = closed.address() as AddressInfo
  await new Promise((resolve) => closed.close(resolve))
  const place = { kind: 'registry' as const, host: `${ADDRESS}:${port}`, repository: 'a', reference: 'b' }
  const registry = openRegistry(place, { transport: 'http', credentials: () => undefined })
  let said = ''
  await registry.resolve().catch((error: Error) => {
    said = error.message
  })
  assert.match(said, /KM9502.*ECONNREFUSED/)
})

test('a token is fetched, with credentials where there are some, and used', async () => {
  const seen: string[] = []
  const handler: Handler = (request, response) => {
    seen.push(`${request.url} ${request.headers.authorization ?? '-'}`)
    if (request.url?.startsWith('/token') === true) answer(200, '{"token":"secret"}')(request, response)
    else if (request.headers.authorization === 'Bearer secret') answer(200, BLOB)(request, response)
    else {
      const realm = `http://${request.headers.host}/token`
      answer(401, '', { 'www-authenticate': `Bearer realm="${realm}",service="the registry",scope="x"` })(request, response)
    }
  }
  const asked = '/token?service=the+registry&scope=repository%3Amesh%2Fdata-plane%3Apull'
  const path = `/v2/mesh/data-plane/blobs/${DIGEST}`
  assert.equal(await against(handler, blob), BLOB)
  assert.equal(seen, [`${path} -`, `${asked} -`, `${path} Bearer secret`])
  seen.length = 0
  const twice = async (registry: Registry): Promise<Uint8Array> => {
    await blob(registry)
    return blob(registry)
  }
  assert.equal(await against(handler, twice, { credentials: () => 'me:word' }), BLOB)
  assert.equal(seen, [`${path} -`, `${asked} Basic bWU6d29yZA==`, `${path} Bearer secret`, `${path} Bearer secret`])
})

test('credentials go to nobody else', async () => {
  const seen: string[] = []
  const elsewhere = createServer((request, response) => {
    seen.push(request.headers.authorization ?? '-')
    response.end(BLOB)
  })
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.67.0.3', resolve))
  const { port } = elsewhere.address() as AddressInfo
  const handler: Handler = (request, response) =>
    request.headers.authorization === undefined
      ? answer(401, '', { 'www-authenticate': 'Basic realm="x"' })(request, response)
      : answer(307, '', { location: `http://127.67.0.3:${port}/blob` })(request, response)
  try {
    assert.equal(await against(handler, blob, { credentials: () => 'me:word' }), BLOB, 'it follows to where blobs are')
    assert.equal(seen, ['-'])
  } finally {
    elsewhere.closeAllConnections()
    elsewhere.close()
  }
})

test('who asks for what is not there is told so', async () => {
  for (const [challenge, why] of [
    ['Basic realm="x"', 'asks for credentials'],
    ['Negotiate', 'not known here'],
    ['', 'not known here'],
    ['Bearer realm="nonsense"', 'no token service'],
    ['Bearer realm="file:///etc/passwd"', 'no token service'],
  ] as const)
    assert.match(String(await against(answer(401, '', { 'www-authenticate': challenge }), blob)), new RegExp(`KM9502.*${why}`), challenge)
  const plain: Handler = (request, response) =>
    answer(401, '', { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` })(request, response)
  assert.match(String(await against(plain, blob)), /gives no token: 127.*401/)
})

test('over TLS no token is fetched in the clear', async () => {
  let asked = 0
  const handler: Handler = (_, response) => {
    asked++
    response.end('{"token":"x"}')
  }
  const said = await against(handler, (_, host) =>
    authorize(
      `Bearer realm="http://${host}/token"`,
      { kind: 'registry', host, repository: 'a', reference: 'b' },
      { transport: 'https', credentials: () => 'me:word' },
    ),
  )
  assert.match(said, /KM9502.*no token service that can be asked over TLS/)
  assert.is(asked, 0)
})

test('credentials as skopeo writes them', () => {
  const file = join(directory, 'auth.json')
  writeFileSync(file, JSON.stringify({ auths: { 'registry.example:5000': { auth: 'bWU6d29yZA==' }, other: {} } }))
  const credentials = readCredentials(file, {})
  assert.equal(
    [credentials('registry.example:5000'), credentials('other'), credentials('registry.example')],
    ['me:word', undefined, undefined],
  )
  assert.is(readCredentials(undefined, { REGISTRY_AUTH_FILE: file })('registry.example:5000'), 'me:word')
  assert.is(readCredentials(undefined, {})('registry.example:5000'), undefined)
  writeFileSync(join(directory, 'bad.json'), '{"auths": 1}')
  for (const bad of [join(directory, 'none.json'), join(directory, 'bad.json')]) assert.throws(() => readCredentials(bad, {}), /KM9505/)
})

test('places', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  for (const [text, expected] of [
    ['oci:registry.example/mesh/data-plane:latest', ['registry.example', 'mesh/data-plane', 'latest']],
    ['oci://registry.example:5000/a', ['registry.example:5000', 'a', 'latest']],
    ['oci:[::1]:5000/a/b_c/d--e:v1.2', ['[::1]:5000', 'a/b_c/d--e', 'v1.2']],
    [`oci:127.0.0.1/a@${digest}`, ['127.0.0.1', 'a', digest]],
  ] as const) {
    const place = readPlace(text)
    assert.equal(place.kind === 'registry' && [place.host, place.repository, place.reference], expected, text)
  }
  assert.equal(readPlace('./drop'), { kind: 'directory', path: './drop' })
  for (const text of [
    'oci:',
    'oci:a',
    'oci:host/',
    'oci:host/A',
    'oci:host/../x',
    'oci:host/a:b:c',
    'oci:host/a@sha256:1',
    'oci:u@host/a',
    'oci:host/a?x',
    'oci:host/a:..',
  ])
    assert.throws(() => readPlace(text), /KM9501/, text)
})

test.run()
