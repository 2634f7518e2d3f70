/** Subsets of a cluster in a plan: a row each, with the limits and counts of the whole cluster; the node process chooses the same endpoints. */
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cluster as clusterLayout, ROW_SIZE } from '../../proto/abi.ts'
import { addressText } from '../../proto/address/address-text.ts'
import { createEvaluator } from '../../runtime/slow/evaluator.ts'
import { analyse } from '../compile.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { criteriaOf } from '../http/subset-criteria.ts'
import type { Cluster } from '../ir/program.ts'
import { servicesDocument } from '../services-document.ts'
import { httpClusters } from './http-clusters.ts'

const bytes = readFileSync(new URL('../../fixtures/subsets/snapshot.yaml', import.meta.url))
const options = { addresses: [], resolve: new Map(), plaintextTo: new Set<string>(), strict: false }
const diag = createDiagnostics()
const { program, plan, input } = analyse([{ name: 'snapshot.yaml', bytes }], options, diag, () => undefined)

function endpointsOf(cluster: Cluster | undefined): readonly string[] {
  if (cluster?.target.kind !== 'balance') return []
  return cluster.target.balance.priorities.flatMap(({ localities }) =>
    localities.flatMap(({ endpoints }) => endpoints.map(({ address }) => addressText(address))),
  )
}

const BETA = criteriaOf({ version: 'beta' })

test('each subset that is met is a cluster behind the others', () => {
  assert.equal(diag.list, [])
  assert.equal(
    program.clusters.map((cluster) => [
      cluster.name,
      endpointsOf(cluster)
        .map((text) => text.slice(-1))
        .join(''),
    ]),
    [
      ['back', '13'],
      ['plain', '5'],
      ['back {"version":"beta"}', '2'],
      ['back {"stage":"prod","version":"beta"}', '2'],
      ['back {"version":"alpha"}', '1'],
      ['back {"version":"gamma"}', ''],
      ['back {"stage":"prod","version":"alpha"}', '1'],
    ],
  )
})

test('routes name clusters with their criteria, and never fall to the whole cluster', () => {
  const { cluster, clusterNames } = httpClusters(program.clusters)
  assert.equal(clusterNames, ['back', 'plain'])
  assert.is(cluster('back', []), 0)
  assert.is(cluster('back', BETA), 2)
  assert.is(cluster('plain', BETA), 1)
  assert.is(cluster('back', criteriaOf({ version: 'other' })), undefined)
  assert.ok(plan.lanes.every(({ virtualHosts }) => virtualHosts.every(({ routes }) => routes.every(({ lane }) => lane === 'kernel'))))
})

test('subsets share the limits and counts of their cluster', () => {
  const view = new DataView(plan.tables.cluster.buffer, plan.tables.cluster.byteOffset)
  const { offset } = clusterLayout.fields.state as { readonly offset: number }
  const states = program.clusters.map((_, index) => view.getUint32(index * clusterLayout.size + offset, true))
  assert.is(new Set(states).size, 2)
  // "127.96.1.2" is in two subsets
  const { endpoint, endpointRelocations } = plan.tables
  const rows = new DataView(endpoint.buffer, endpoint.byteOffset)
  const isBeta = (at: number): boolean => Buffer.from(endpoint.subarray(at, at + ROW_SIZE)).includes(Buffer.of(127, 96, 1, 2))
  const owners = [...endpointRelocations].filter((at) => isBeta(at - (at % ROW_SIZE))).map((at) => rows.getUint32(at, true))
  assert.is(owners.length, 2)
  assert.is(new Set(owners).size, 1)
})

test('the node process chooses the same', () => {
  const document = servicesDocument(input.resources, options) as Uint8Array
  const evaluator = createEvaluator(JSON.parse(Buffer.from(document).toString()))
  assert.equal(endpointsOf(evaluator.cluster('back', BETA)), ['127.96.1.2'])
  assert.equal(endpointsOf(evaluator.cluster('back')), ['127.96.1.1', '127.96.1.3'])
  assert.equal(endpointsOf(evaluator.cluster('back', criteriaOf({ version: 'gamma' }))), [])
})

test.run()
