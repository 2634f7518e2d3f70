/** Which virtual host takes a request; every line was tried on Envoy 1.40. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { askRoute } from '../../scripts/kit/ask-route.ts'
import type { ConnectionManager } from './connection-manager.ts'

const host = (...domains: readonly string[]): Record<string, unknown> => ({
  name: domains.join(' '),
  domains,
  routes: [{ match: { prefix: '' }, route: { cluster: 'c' } }],
})

function chooser(domains: readonly (readonly string[])[], settings: Record<string, unknown> = {}) {
  const ask = askRoute({ ...settings, virtual_hosts: domains.map((list) => host(...list)) })
  return (authority: string, manager: Partial<ConnectionManager> = {}, headers: readonly (readonly [string, string])[] = []) =>
    ask({ authority, headers, destination: '10.0.0.1:80' }, manager).virtualHost
}

test('exact, then the longest suffix wildcard, then the longest prefix wildcard, then *', () => {
  const choose = chooser([['*'], ['a.*'], ['a.b.*'], ['*.com'], ['*.b.com'], ['a.b.com']])
  assert.is(choose('a.b.com'), 'a.b.com')
  assert.is(choose('x.b.com'), '*.b.com')
  assert.is(choose('a.x.com'), '*.com')
  assert.is(choose('a.b.org'), 'a.b.*')
  assert.is(choose('a.x.org'), 'a.*')
  assert.is(choose('z'), '*')
  assert.is(choose(''), '*')
})

test('a wildcard stands for at least one character', () => {
  const choose = chooser([['*.com'], ['a.*']])
  assert.is(choose('.com'), undefined)
  assert.is(choose('a.'), undefined)
})

test('domains and hosts are compared without case', () => {
  const choose = chooser([['A.com'], ['*.B.com']])
  assert.is(choose('a.COM'), 'A.com')
  assert.is(choose('X.b.COM'), '*.B.com')
})

test('odd domains: a star in the middle is a character, two stars a suffix', () => {
  const choose = chooser([['a*b'], ['**']])
  assert.is(choose('a*b'), 'a*b')
  assert.is(choose('axb'), undefined)
  assert.is(choose('x*'), '**')
})

test('ports count, unless they are ignored', () => {
  assert.is(chooser([['a.com']])('a.com:80'), undefined)
  assert.is(chooser([['a.com:80']])('a.com:80'), 'a.com:80')
  const ignoring = chooser([['a.com'], ['[::1]']], { ignore_port_in_host_matching: true })
  for (const authority of ['a.com', 'a.com:80', 'a.com:', 'a.com:x']) assert.is(ignoring(authority), 'a.com', authority)
  assert.is(ignoring('[::1]:80'), '[::1]')
  assert.is(ignoring('[::1]'), '[::1]')
})

test('a connection manager may strip ports and the last dot', () => {
  const choose = chooser([['a.com']])
  assert.is(choose('a.com:81', { stripPort: 'any' }), 'a.com')
  assert.is(choose('a.com:80', { stripPort: 'matching' }), 'a.com')
  assert.is(choose('a.com:81', { stripPort: 'matching' }), undefined)
  assert.is(choose('a.com:x', { stripPort: 'any' }), undefined)
  assert.is(choose('a.com.', { stripTrailingDot: true }), 'a.com')
  assert.is(choose('a.com.:80', { stripTrailingDot: true, stripPort: 'any' }), 'a.com')
})

test('vhost_header takes the place of the authority; without it there is no virtual host', () => {
  const choose = chooser([['a.com'], ['*']], { vhost_header: 'X-Host' })
  assert.is(choose('z', {}, [['x-host', 'A.com']]), 'a.com')
  assert.is(choose('a.com', {}, [['x-host', 'z']]), '*')
  assert.is(choose('a.com'), undefined)
})

test('no falling through from one virtual host to another', () => {
  const ask = askRoute({
    virtual_hosts: [{ name: 'narrow', domains: ['a.com'], routes: [{ match: { path: '/x' }, route: { cluster: 'c' } }] }, host('*')],
  })
  assert.is(ask({ path: '/y' }).outcome, 'no_route')
  assert.is(ask({ path: '/y', authority: 'b.com' }).outcome, 'cluster')
})

test.run()
