import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Cursor } from '../input/cursor.ts'
import { envoySchema } from '../input/schema.ts'
import { accountCluster } from './cluster.ts'
import { accountAssignment, accountEndpoint, accountLb, accountLocality, accountPolicy } from './endpoint.ts'
import { createAccounts, ignored } from './fate.ts'
import { fates } from './fates.ts'
import { accountFilterChain } from './filter-chain.ts'
import { accountListener } from './listener.ts'
import type { Divert } from './resources.ts'
import { accountTcpProxy } from './tcp-proxy.ts'
import { accountUdpProxy } from './udp-proxy.ts'

const schema = envoySchema()
const fieldsOf = (type: string): readonly string[] => {
  const found = schema.message(type)
  assert.ok(found, `${type} is not in the schema`)
  return found.fields.map(({ name }) => name)
}

/** a message of which nothing but the names of its fields is known */
function stub(type: string, fields: readonly string[], marks: string[] = []): Cursor {
  return {
    type,
    fields: () => fields,
    at: (field: string) => `x.${field}`,
    mark: (field: string, fieldClass: string) => marks.push(`${field} ${fieldClass}`),
  } as unknown as Cursor
}

const UNKNOWN = /which this version of the compiler does not know/

const ACCOUNTS: readonly (readonly [string, (at: Cursor) => readonly Divert[]])[] = [
  ['envoy.config.listener.v3.Listener', accountListener],
  ['envoy.config.listener.v3.FilterChain', accountFilterChain],
  ['envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', accountTcpProxy],
  ['envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig', accountUdpProxy],
  ['envoy.config.cluster.v3.Cluster', accountCluster],
  ['envoy.config.endpoint.v3.ClusterLoadAssignment', accountAssignment],
  ['envoy.config.endpoint.v3.ClusterLoadAssignment.Policy', accountPolicy],
  ['envoy.config.endpoint.v3.LocalityLbEndpoints', accountLocality],
  ['envoy.config.endpoint.v3.LbEndpoint', accountLb],
  ['envoy.config.endpoint.v3.Endpoint', accountEndpoint],
]

for (const [type, account] of ACCOUNTS) {
  test(`every field of ${type} that the API has is understood`, () => {
    const unknown = account(stub(type, fieldsOf(type))).filter(({ why }) => UNKNOWN.test(why))
    assert.equal(
      unknown.map(({ path }) => path),
      [],
    )
  })

  test(`a field of ${type} that a later API might have diverts`, () => {
    const marks: string[] = []
    const diverts = account(stub(type, ['brand_new'], marks))
    assert.is(diverts.length, 1)
    assert.match(diverts[0]?.why ?? '', UNKNOWN)
    assert.equal(marks, ['brand_new diverted'])
  })
}

test('the tables are about types and fields that exist', () => {
  for (const [type, table] of Object.entries(fates.fields)) {
    const fields = fieldsOf(type)
    for (const field of Object.keys(table)) assert.ok(field === '*' ? fields.length > 0 : fields.includes(field), `${type}.${field}`)
  }
})

test('every reason says something', () => {
  for (const fate of [...Object.values(fates.fields).flatMap((table) => Object.values(table)), ...Object.values(fates.prefixes)])
    assert.ok(fate.reason.length > 5, JSON.stringify(fate))
})

test('bootstraps have no field without a class', () => {
  const type = 'envoy.config.bootstrap.v3.Bootstrap'
  assert.equal(
    fieldsOf(type).filter((field) => fates.fields[type]?.[field] === undefined),
    [],
  )
})

test('messages of one shape are judged once, others on their own', () => {
  const account = createAccounts({ T: { seen: ignored('for a reason') } }).for('read')
  const shape = ['read', 'seen']
  assert.equal(account(stub('T', shape)), [])
  assert.equal(account(stub('T', shape)), [])
  assert.is(account(stub('T', ['read', 'new'])).length, 1)
  assert.is(account(stub('U', ['seen'])).length, 1, 'the fates of one type say nothing of another')
})

test.run()
