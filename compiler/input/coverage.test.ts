import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import { type Coverage, type Fates, measureCoverage } from './coverage.ts'
import type { Cursor } from './cursor.ts'
import { type Input, readInput } from './read.ts'

const NONE: Fates = { fields: {}, prefixes: {} }
const CLUSTER = 'envoy.config.cluster.v3.Cluster'

function read(...resources: readonly object[]): Input {
  return readInput([{ name: 'x.json', bytes: Buffer.from(JSON.stringify(resources)) }], createDiagnostics())
}

const cluster = (name: string, fields: object) => ({ '@type': `type.googleapis.com/${CLUSTER}`, name, ...fields })
const cursor = (input: Input) => input.resources[0]?.cursor as Cursor
const lines = (coverage: Coverage) =>
  coverage.fields.map(({ path, class: kind, count, reason }) => `${path} ${kind} ${count}${reason ? ` ${reason}` : ''}`)

test('what nobody read is unclassified; equal paths count together', () => {
  const input = read(
    cluster('a', { load_assignment: { cluster_name: 'a', endpoints: [{ priority: 1 }, { priority: 2 }] } }),
    cluster('b', { type: 'EDS' }),
  )
  cursor(input).string('name')
  const coverage = measureCoverage(input.resources, NONE)
  assert.equal(lines(coverage), [
    'cds[].load_assignment.cluster_name unclassified 1',
    'cds[].load_assignment.endpoints[].priority unclassified 2',
    'cds[].name compiled 1',
    'cds[].name unclassified 1',
    'cds[].type unclassified 1',
  ])
  assert.is(coverage.unclassified, 5)
  assert.is(coverage.classes.compiled, 1)
})

test('a read of a message is no read of its fields; an empty message counts as itself', () => {
  const input = read(cluster('a', { eds_cluster_config: { eds_config: { ads: {} } } }))
  const at = cursor(input)
  at.string('name')
  at.message('eds_cluster_config')?.message('eds_config')?.message('ads')
  assert.equal(lines(measureCoverage(input.resources, NONE)), [
    'cds[].eds_cluster_config.eds_config.ads compiled 1',
    'cds[].name compiled 1',
  ])
})

test('a mark wins over reads, for everything below it', () => {
  const input = read(cluster('a', { load_assignment: { cluster_name: 'a', endpoints: [{ priority: 1 }] } }))
  const at = cursor(input)
  at.message('load_assignment')?.messages('endpoints')[0]?.number('priority')
  at.mark('load_assignment', 'diverted', 'why')
  at.mark('type', 'rejected', 'not set, so nothing happens')
  at.string('name')
  assert.equal(lines(measureCoverage(input.resources, NONE)), [
    'cds[].load_assignment.cluster_name diverted 1 why',
    'cds[].load_assignment.endpoints[].priority diverted 1 why',
    'cds[].name compiled 1',
  ])
  at.markAll('rejected', 'all of it')
  assert.is(measureCoverage(input.resources, NONE).classes.rejected, 3)
})

test('fates: field, then *, then the longest prefix; not over a read', () => {
  const input = read(cluster('a', { type: 'EDS', connect_timeout: '1s', circuit_breakers: { thresholds: [{ max_retries: 1 }] } }))
  cursor(input).enum('type')
  const fates: Fates = {
    fields: {
      [CLUSTER]: {
        name: { class: 'equivalent', reason: 'n' },
        type: { class: 'rejected', reason: 'never' },
        '*': { class: 'ignored-safe', reason: 'rest' },
      },
    },
    prefixes: { 'envoy.config.': { class: 'diverted', reason: 'prefix' } },
  }
  assert.equal(lines(measureCoverage(input.resources, fates)), [
    'cds[].circuit_breakers.thresholds[].max_retries ignored-safe 1 rest',
    'cds[].connect_timeout ignored-safe 1 rest',
    'cds[].name equivalent 1 n',
    'cds[].type compiled 1',
  ])
  const prefixOnly = measureCoverage(input.resources, {
    fields: {},
    prefixes: { ...fates.prefixes, 'envoy.config.cluster.': { class: 'rejected', reason: 'longer' } },
  })
  assert.is(prefixOnly.classes.rejected, 3)
})

test('Any: its own type has a fate; an unknown one is never read by looking at it', () => {
  const filter = (typed_config: object) => ({
    '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
    name: 'l',
    filter_chains: [{ filters: [{ name: 'f', typed_config }] }],
  })
  const input = read(filter({ '@type': 'type.googleapis.com/foo.Bar', x: 1 }))
  const at = cursor(input).messages('filter_chains')[0]?.messages('filters')[0]
  at?.any('typed_config')
  const path = 'lds[].filter_chains[].filters[].typed_config'
  assert.ok(lines(measureCoverage(input.resources, NONE)).includes(`${path} unclassified 1`))
  assert.ok(
    lines(measureCoverage(input.resources, { fields: {}, prefixes: { 'foo.': { class: 'diverted', reason: 'foreign' } } })).includes(
      `${path} diverted 1 foreign`,
    ),
  )
  at?.any('typed_config')?.markAll('rejected', 'unknown filter')
  assert.ok(lines(measureCoverage(input.resources, NONE)).includes(`${path} rejected 1 unknown filter`))
  const known = read(
    filter({ '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', stat_prefix: 's', cluster: 'c' }),
  )
  const typed = measureCoverage(known.resources, {
    fields: {},
    prefixes: { 'envoy.extensions.filters.': { class: 'diverted', reason: 'f' } },
  })
  assert.is(typed.classes.diverted, 2, 'also below a field that nobody read')
  assert.is(typed.unclassified, 2, 'the names of the listener and of the filter')
})

test('resources of types that nobody knows', () => {
  const input = read({ '@type': 'type.googleapis.com/foo.Table', x: 1 })
  assert.equal(lines(measureCoverage(input.resources, NONE)), [
    'foo.Table[] ignored-safe 1 nothing that is compiled refers to a resource of this type',
  ])
  assert.equal(
    lines(measureCoverage(input.resources, { fields: { 'foo.Table': { '*': { class: 'ignored-safe', reason: 'r' } } }, prefixes: {} })),
    ['foo.Table[] ignored-safe 1 r'],
  )
})

test.run()
