/** Endpoints of many clusters are not kept between parsing and lowering: whoever asks for a balance gets the same one again. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { understand } from '../compile.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { measureCoverage } from '../input/coverage.ts'
import { readInput } from '../input/read.ts'
import { fates } from '../parse/fates.ts'
import { printProgram } from './print.ts'

const TYPE = 'type.googleapis.com/envoy'
const at = (address: string, more: object = {}) => ({ endpoint: { address: { socket_address: { address, port_value: 80 } } }, ...more })
const endpoints = [at('127.96.1.1', { load_balancing_weight: 3 }), at('127.96.1.1'), at('FD00::1', { health_status: 'DRAINING' })]
const assignment = (cluster_name: string, more: object = {}) => ({ cluster_name, endpoints: [{ lb_endpoints: endpoints }], ...more })
const eds = (name: string, more: object = {}) => ({
  '@type': `${TYPE}.config.endpoint.v3.ClusterLoadAssignment`,
  ...assignment(name, more),
})
const cluster = (name: string, more: object) => ({ '@type': `${TYPE}.config.cluster.v3.Cluster`, name, ...more })
const TLS = { name: 'tls', typed_config: { '@type': `${TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext` } }
const resources = [
  cluster('a', { type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } }),
  cluster('b', { load_assignment: assignment('b') }),
  cluster('c', { transport_socket: TLS, load_assignment: assignment('c') }),
  eds('a', { policy: { overprovisioning_factor: 200 } }),
  eds('nobody'),
]

function meant(most?: number) {
  const diag = createDiagnostics()
  const input = readInput([{ name: 'snapshot.json', bytes: Buffer.from(JSON.stringify(resources)) }], diag)
  const options = { resolve: new Map(), addresses: [], plaintextTo: new Set<string>(), strict: false }
  const { program } = understand(input, options, diag, () => undefined, most === undefined ? {} : { endpoints: most })
  return { program, codes: diag.list.map(({ code }) => code), coverage: measureCoverage(input.resources, fates) }
}

test('a balance that is not kept is the same each time, and what there is to tell of it is told once', () => {
  const kept = meant()
  assert.equal(kept.codes, ['KM1312', 'KM1301'])
  assert.is(kept.coverage.unclassified, 0)
  for (const most of [0, 1, 100]) {
    const { program, codes, coverage } = meant(most)
    for (let time = 0; time < 2; time++) assert.is(printProgram(program), printProgram(kept.program))
    assert.equal(codes, kept.codes)
    assert.equal(coverage, kept.coverage)
  }
})

test.run()
