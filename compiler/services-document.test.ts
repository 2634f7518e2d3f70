import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readServicesDocument } from '../proto/http/services.ts'
import { createDiagnostics } from './diag/sink.ts'
import { equal } from './input/equal.ts'
import { readInput } from './input/read.ts'
import { toJson } from './input/to-json.ts'
import { servicesDocument } from './services-document.ts'

const TYPE = 'type.googleapis.com/envoy'
const OPTIONS = {
  resolve: new Map([
    ['b.example', ['127.0.0.2']],
    ['a.example', ['127.0.0.1']],
  ]),
  plaintextTo: new Set(['istio']),
}

const listener = (direction: string): object => ({
  '@type': `${TYPE}.config.listener.v3.Listener`,
  name: `l-${direction}`,
  trafficDirection: direction,
  address: { socketAddress: { address: '127.96.0.1', portValue: 80 } },
  filterChains: [
    {
      transportSocket: {
        name: 'tls',
        typedConfig: {
          '@type': `${TYPE}.extensions.transport_sockets.tls.v3.DownstreamTlsContext`,
          commonTlsContext: { tlsCertificates: [{ privateKey: { inlineString: 'SECRET' }, certificateChain: { inlineString: 'SECRET' } }] },
        },
      },
      filters: [
        {
          name: 'http',
          typedConfig: {
            '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
            statPrefix: 'x',
            streamIdleTimeout: '1.5s',
            routeConfig: {
              name: 'r',
              virtualHosts: [
                {
                  name: 'v',
                  domains: ['*'],
                  routes: [{ match: { prefix: '/' }, directResponse: { status: 200, body: { inlineBytes: '/wA=' } } }],
                },
              ],
            },
            httpFilters: [
              { name: 'odd', typedConfig: { '@type': 'type.googleapis.com/some.Unknown', depth: { b: 1, a: [2] } } },
              {
                name: 'struct',
                typedConfig: {
                  '@type': 'type.googleapis.com/udpa.type.v1.TypedStruct',
                  typeUrl: 'type.googleapis.com/other.Unknown',
                  value: { k: 'v' },
                },
              },
              { name: 'router', typedConfig: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` } },
            ],
          },
        },
      ],
    },
  ],
})
const cluster = {
  '@type': `${TYPE}.config.cluster.v3.Cluster`,
  name: 'c',
  type: 'EDS',
  connectTimeout: '0.25s',
  edsClusterConfig: { serviceName: 's' },
  circuitBreakers: { thresholds: [{ maxRequests: 7 }] },
}

function read(...resources: readonly object[]): ReturnType<typeof readInput>['resources'] {
  const diag = createDiagnostics()
  const { resources: found } = readInput([{ name: 'a.json', bytes: Buffer.from(JSON.stringify(resources)) }], diag)
  assert.not.ok(diag.failed, JSON.stringify(diag.list))
  return found
}

test('a decoded resource as JSON is the same resource when it is read again', () => {
  for (const resource of read(listener('OUTBOUND'), cluster)) {
    const [again] = read(toJson(resource.content))
    assert.ok(again !== undefined && equal(again.content, resource.content), resource.path)
  }
})

test('the document has what is dialled, in order, and no keys', () => {
  const bytes = servicesDocument(read(listener('OUTBOUND'), listener('INBOUND'), cluster), OPTIONS)
  assert.ok(bytes)
  assert.not.match(Buffer.from(bytes).toString(), 'SECRET')
  const document = readServicesDocument(bytes)
  assert.equal(
    document?.resources.map(({ name }) => name),
    ['c', 'l-OUTBOUND'],
  )
  assert.equal(Object.keys(document?.resolve ?? {}), ['a.example', 'b.example'])
  assert.equal(servicesDocument(read(cluster, listener('INBOUND'), listener('OUTBOUND')), OPTIONS), bytes, 'whatever the order')
})

test('without HTTP there is none', () => {
  assert.is(servicesDocument(read(cluster, listener('INBOUND')), OPTIONS), undefined)
  for (const text of ['', '[]', '{}', '{"schemaVersion":2,"resolve":{},"plaintextTo":[],"resources":[]}'])
    assert.is(readServicesDocument(Buffer.from(text)), undefined, text)
})

test.run()
