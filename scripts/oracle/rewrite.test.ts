import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toLoopback } from './rewrite.ts'

const at = (address: string, port_value: number) => ({ socket_address: { address, port_value } })
const endpoint = (address: string, port: number) => ({ endpoint: { address: at(address, port) } })

test('listeners and endpoints move, matches stay', () => {
  const chain = { filter_chain_match: { prefix_ranges: [{ address_prefix: '10.1.0.0', prefix_len: 16 }] }, filters: [] }
  const original = {
    name: 'od',
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst' },
  }
  const moved = toLoopback(
    {
      listeners: [
        {
          name: 'a',
          address: at('10.0.0.1', 80),
          use_original_dst: true,
          bind_to_port: false,
          listener_filters: [original],
          filter_chains: [chain],
        },
        { name: 'b', address: at('::', 53), additional_addresses: [{ address: at('10.0.0.2', 53) }] },
      ],
      clusters: [
        {
          name: 's',
          type: 'STATIC',
          load_assignment: { cluster_name: 's', endpoints: [{ lb_endpoints: [endpoint('10.9.9.9', 1), endpoint('fd00::1', 2)] }] },
        },
      ],
      assignments: [{ cluster_name: 'e', endpoints: [{ lb_endpoints: [endpoint('10.9.9.9', 1), endpoint('10.9.9.8', 1)] }] }],
    },
    23500,
  )
  assert.equal(Object.fromEntries(moved.dials), {
    a: [{ address: '127.0.0.1', port: 23500 }],
    b: [
      { address: '127.0.0.1', port: 23501 },
      { address: '127.0.0.1', port: 23502 },
    ],
  })
  assert.equal([...moved.endpoints.keys()], ['10.9.9.9:1', '[fd00::1]:2', '10.9.9.8:1'])
  const text = JSON.stringify(moved.listeners) + JSON.stringify(moved.clusters) + JSON.stringify(moved.assignments)
  for (const gone of ['10.0.0.1', '10.0.0.2', '10.9.9', 'fd00', 'original_dst', 'bind_to_port']) assert.not.ok(text.includes(gone), gone)
  assert.ok(text.includes('10.1.0.0'), 'a prefix to match stays')
  assert.ok(text.includes('127.128.0.0'))
})

test('a loopback address whose last byte is 0 or 255 is a usable endpoint', () => {
  const endpoints = Array.from({ length: 70_000 }, (_, i) => endpoint(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 1))
  const { endpoints: places } = toLoopback(
    { listeners: [], clusters: [], assignments: [{ cluster_name: 'e', endpoints: [{ lb_endpoints: endpoints }] }] },
    23500,
  )
  assert.is(new Set([...places.values()].map((place) => place.address)).size, 70_000)
  assert.ok([...places.values()].every(({ address }) => /^127\.1(2[89]|[3-9]\d)\.\d+\.\d+$/.test(address)))
})

test.run()
