import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'
import type { ListenAddress, Listener, Resources } from '../parse/resources.ts'
import { keyText } from './key-text.ts'
import { listenerKeys } from './listener-keys.ts'

const ip = (text: string): Uint8Array => parseIp(text) as Uint8Array

/** "0.0.0.0 80", "[::] 80 compat" */
function place(text: string): ListenAddress {
  const [address = '', port = '', compat] = text.split(' ')
  return { path: `at ${text}`, address: ip(address), port: Number(port), compat: compat === 'compat' }
}

function listener(name: string, places: string, more: Partial<Listener> = {}): Listener {
  return {
    name,
    path: `lds["${name}"]`,
    protocol: 'tcp',
    addresses: places.split(', ').map(place),
    direction: 'UNSPECIFIED',
    bindToPort: true,
    useOriginalDst: false,
    inspectors: [],
    chains: [],
    defaultChain: undefined,
    datagrams: undefined,
    divert: undefined,
    policies: [],
    inboundClusters: [],
    ...more,
  }
}

function keys(
  listeners: readonly Listener[],
  own: readonly string[] = [],
): { readonly keys: Readonly<Record<string, string>>; readonly codes: readonly string[] } {
  const diag = createDiagnostics()
  const resources: Resources = {
    listeners,
    clusters: [],
    assignments: new Map(),
    routeConfigurations: [],
    addresses: own.map(ip),
    resolve: new Map(),
    plaintextTo: new Set(),
    redirected: listeners.some((one) => one.direction !== 'INBOUND' && one.useOriginalDst),
  }
  const found = listenerKeys(resources, diag)
  return {
    keys: Object.fromEntries([...found].map(([one, list]) => [one.name, list.map(keyText).join(' ')])),
    codes: diag.list.map(({ code }) => code),
  }
}

const redirected = { bindToPort: false }
const catchAll = { useOriginalDst: true }

test('an exact address is itself, whether it binds or not', () => {
  assert.equal(keys([listener('a', '127.96.0.1 80'), listener('b', '::1 80', redirected)]), {
    keys: { a: '127.96.0.1:80', b: '[::1]:80' },
    codes: [],
  })
})

test('additional addresses are keys too', () => {
  assert.is(keys([listener('a', '127.96.0.1 80, 127.96.0.2 81, ::1 80')]).keys.a, '127.96.0.1:80 127.96.0.2:81 [::1]:80')
})

test('a wildcard that does not bind governs its family', () => {
  assert.equal(keys([listener('four', '0.0.0.0 80', redirected), listener('six', ':: 81', redirected)]).keys, {
    four: '0.0.0.0:80',
    six: '[::]:81',
  })
})

test('ipv4_compat takes IPv4 unless a 0.0.0.0 listener does', () => {
  assert.is(keys([listener('a', ':: 80 compat', redirected)]).keys.a, '0.0.0.0:80 [::]:80')
  const both = [listener('a', ':: 80 compat', redirected), listener('b', '0.0.0.0 80', redirected)]
  assert.equal(keys(both).keys, { a: '[::]:80', b: '0.0.0.0:80' })
  assert.equal(keys([...both].reverse()).keys, { a: '[::]:80', b: '0.0.0.0:80' })
})

test('a wildcard that binds stands for the addresses given, of its family', () => {
  assert.equal(keys([listener('a', '0.0.0.0 80')]), { keys: { a: '' }, codes: ['KM1208'] })
  assert.equal(keys([listener('a', '0.0.0.0 80'), listener('b', ':: 81 compat')], ['127.96.0.1', '::1']), {
    keys: { a: '127.96.0.1:80', b: '127.96.0.1:81 [::1]:81' },
    codes: [],
  })
  assert.equal(keys([listener('a', ':: 80')], ['127.96.0.1']).codes, ['KM1208'])
})

test('an exact listener wins over an address that a wildcard stands for', () => {
  const listeners = [listener('wild', '0.0.0.0 80'), listener('exact', '127.96.0.1 80')]
  assert.equal(keys(listeners, ['127.96.0.1', '127.96.0.2']), { keys: { wild: '127.96.0.2:80', exact: '127.96.0.1:80' }, codes: [] })
})

test('with a catch-all, wildcards that bind govern foreign addresses too', () => {
  const found = keys([listener('all', '0.0.0.0 15001', catchAll), listener('wild', '0.0.0.0 80')])
  assert.equal(found, { keys: { all: '*', wild: '0.0.0.0:80' }, codes: [] })
})

test('a catch-all is of its family, and of both with ipv4_compat', () => {
  assert.equal(keys([listener('four', '0.0.0.0 15001', catchAll), listener('six', ':: 15001', catchAll)]).keys, { four: '*', six: '[*]' })
  assert.is(keys([listener('a', ':: 15001 compat', catchAll)]).keys.a, '* [*]')
  assert.is(keys([listener('a', '127.0.0.1 15001', catchAll)]).keys.a, '* 127.0.0.1:15001')
})

test('two catch-alls of one family: the first, and a warning', () => {
  assert.equal(keys([listener('a', '0.0.0.0 1', catchAll), listener('b', '0.0.0.0 2', catchAll)]), {
    keys: { a: '*', b: '' },
    codes: ['KM1219'],
  })
})

test('inbound listeners are not installed, and are no catch-all for others', () => {
  const found = keys([
    listener('in', '0.0.0.0 15006', { ...catchAll, direction: 'INBOUND', policies: ['rbac'] }),
    listener('wild', '0.0.0.0 80'),
  ])
  assert.equal(found, { keys: { in: '', wild: '' }, codes: ['KM1702', 'KM1208'] })
})

test('UDP has no original destinations: a wildcard stands for its own addresses', () => {
  const found = keys([listener('all', '0.0.0.0 15001', catchAll), listener('dns', '0.0.0.0 53', { protocol: 'udp' })], ['127.96.0.1'])
  assert.is(found.keys.dns, '127.96.0.1:53')
})

test('one address for TCP and UDP is two', () => {
  assert.equal(keys([listener('t', '127.96.0.1 53'), listener('u', '127.96.0.1 53', { protocol: 'udp' })]), {
    keys: { t: '127.96.0.1:53', u: '127.96.0.1:53' },
    codes: [],
  })
})

test('Envoy refuses a second listener on one address, inbound or not', () => {
  assert.equal(keys([listener('a', '127.96.0.1 80'), listener('b', '127.96.0.2 80, 127.96.0.1 80')]).codes, ['KM1206'])
  assert.equal(keys([listener('a', '127.96.0.1 80', { direction: 'INBOUND' }), listener('b', '127.96.0.1 80')]).codes, ['KM1206', 'KM1702'])
  assert.equal(keys([listener('a', '0.0.0.0 80', redirected), listener('b', ':: 80 compat', redirected)]).codes, [])
})

test.run()
