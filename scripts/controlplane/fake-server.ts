/**
 * An ADS server for tests that says what a test tells it to say, also what no control plane should. In: a behaviour, called for every request of a
 * stream; out: a port on loopback, and every request as it came. The well-behaved control plane of the tests is main.go beside this file.
 */
import { logVerbosity, Server, ServerCredentials, type ServerDuplexStream, setLogVerbosity } from '@grpc/grpc-js'
import { encodeJson, envoyMessages, type Packed } from '../../compiler/fetch/messages.ts'

/** (Delta)DiscoveryRequest as JSON with snake_case names; fields that are not set are absent. */
export interface FakeRequest {
  readonly mode: 'sotw' | 'delta'
  /** from 0, in the order in which streams were opened */
  readonly stream: number
  readonly type_url: string
  readonly version_info?: string
  readonly response_nonce?: string
  readonly resource_names?: readonly string[]
  readonly resource_names_subscribe?: readonly string[]
  readonly resource_names_unsubscribe?: readonly string[]
  readonly initial_resource_versions?: Readonly<Record<string, string>>
  readonly error_detail?: { readonly code: number; readonly message: string }
  readonly node?: Readonly<Record<string, unknown>>
}

export interface FakeStream {
  /** a response from JSON; resources are JSON with "@type", or packed by hand */
  respond(response: object): void
  sendRaw(bytes: Buffer): void
  /** ends the stream with a status */
  fail(code: number, details: string): void
  end(): void
}

export type Behaviour = (request: FakeRequest, stream: FakeStream) => void

export interface FakeServer {
  readonly port: number
  readonly requests: readonly FakeRequest[]
  readonly headers: readonly Readonly<Record<string, unknown>>[]
  close(): void
}

// a port that is taken is no news
setLogVerbosity(logVerbosity.NONE)

const SERVICE = 'envoy.service.discovery.v3'
const FIRST_PORT = 31_000
const PORTS = 900

export async function startFakeServer(
  behaviour: Behaviour,
  security: ServerCredentials = ServerCredentials.createInsecure(),
): Promise<FakeServer> {
  const requests: FakeRequest[] = []
  const headers: Readonly<Record<string, unknown>>[] = []
  let streams = 0
  const handle =
    (mode: 'sotw' | 'delta') =>
    (call: ServerDuplexStream<Buffer, Buffer>): void => {
      const number = streams++
      headers.push(call.metadata.getMap())
      const prefix = mode === 'delta' ? 'Delta' : ''
      const type = envoyMessages().lookupType(`${SERVICE}.${prefix}DiscoveryRequest`)
      const stream: FakeStream = {
        respond: (response) => call.write(encodeJson(`${SERVICE}.${prefix}DiscoveryResponse`, response)),
        sendRaw: (bytes) => call.write(bytes),
        fail: (code, details) => call.emit('error', { code, details }),
        end: () => call.end(),
      }
      call.on('data', (bytes: Buffer) => {
        const request = { ...type.toObject(type.decode(bytes)), mode, stream: number } as FakeRequest
        requests.push(request)
        behaviour(request, stream)
      })
      call.on('end', () => call.end())
      call.on('error', () => undefined)
    }
  const identity = (bytes: Buffer): Buffer => bytes
  const method = (path: string) => ({
    path: `/${SERVICE}.AggregatedDiscoveryService/${path}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  })
  const server = new Server({ 'grpc.max_send_message_length': -1, 'grpc.max_receive_message_length': -1 })
  server.addService(
    { sotw: method('StreamAggregatedResources'), delta: method('DeltaAggregatedResources') },
    { sotw: handle('sotw'), delta: handle('delta') },
  )
  const port = await listen(server, security)
  return { port, requests, headers, close: () => server.forceShutdown() }
}

async function listen(server: Server, security: ServerCredentials): Promise<number> {
  const start = process.pid % PORTS
  for (let index = 0; index < PORTS; index++) {
    const port = FIRST_PORT + ((start + index) % PORTS)
    const bound = await new Promise<boolean>((resolve) => {
      server.bindAsync(`127.0.0.1:${port}`, security, (error) => resolve(error === null))
    })
    if (bound) return port
  }
  throw new Error('no free port')
}

export interface Holdings {
  /** by type name: resources as JSON without "@type" */
  readonly [type: string]: readonly Readonly<Record<string, unknown>>[]
}

const nameOf = (resource: Readonly<Record<string, unknown>>): string => String(resource.cluster_name ?? resource.name)

/** Serves what it holds, each name once a stream, as a plain control plane does; never says what it does not have. */
export function holding(holdings: Holdings, version = '1'): Behaviour {
  const served = new WeakMap<FakeStream, Map<string, string>>()
  return (request, stream) => {
    const type = request.type_url.slice(request.type_url.lastIndexOf('/') + 1)
    const names = (request.mode === 'delta' ? request.resource_names_subscribe : request.resource_names) ?? []
    const asked = [...names].sort().join('\0')
    const before = served.get(stream) ?? new Map<string, string>()
    served.set(stream, before)
    if (request.mode === 'delta' ? request.response_nonce !== undefined : before.get(type) === asked) return
    before.set(type, asked)
    const all = holdings[type] ?? []
    respondWith(request, stream, names.length === 0 ? all : all.filter((resource) => names.includes(nameOf(resource))), version)
  }
}

let nonce = 0

/** One response to a request. */
export function respondWith(
  request: FakeRequest,
  stream: FakeStream,
  resources: readonly Readonly<Record<string, unknown>>[],
  version = '1',
  removed: readonly string[] = [],
): void {
  const typed = resources.map((resource) => ({ '@type': request.type_url, ...resource }))
  const head = { type_url: request.type_url, nonce: String(++nonce) }
  if (request.mode === 'sotw') stream.respond({ ...head, version_info: version, resources: typed })
  else
    stream.respond({
      ...head,
      system_version_info: version,
      resources: typed.map((resource, index) => ({ name: nameOf(resources[index] ?? {}), version, resource })),
      removed_resources: removed,
    })
}

/** A response whose resources are bytes that JSON cannot say. */
export function respondPacked(request: FakeRequest, stream: FakeStream, resources: readonly Packed[], version = '1'): void {
  const type = envoyMessages().lookupType(`${SERVICE}.DiscoveryResponse`)
  stream.sendRaw(
    Buffer.from(
      type
        .encode(type.create({ type_url: request.type_url, nonce: String(++nonce), version_info: version, resources: [...resources] }))
        .finish(),
    ),
  )
}
