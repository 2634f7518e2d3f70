import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import { readInput } from './read.ts'
import { walkMessages } from './walk.ts'

const ROUTE = 'envoy.config.route.v3.'
const any = (type: string, fields: object) => ({ '@type': `type.googleapis.com/${type}`, ...fields })

function paths(resource: object, ...types: readonly string[]): readonly string[] {
  const { resources } = readInput([{ name: 'a.json', bytes: Buffer.from(JSON.stringify([resource])) }], createDiagnostics())
  const found: string[] = []
  for (const one of resources) walkMessages(one, new Set(types), (at) => found.push(`${at.type.split('.').pop()} ${at.path}`))
  return found
}

const config = any(`${ROUTE}RouteConfiguration`, {
  name: 'r',
  virtual_hosts: [
    {
      name: 'v',
      domains: ['*'],
      routes: [{ match: { prefix: '/' }, redirect: {} }],
      typed_per_filter_config: {
        a: any('nobody.knows.This', {}),
        b: any(`${ROUTE}FilterConfig`, {
          config: any('envoy.extensions.filters.http.cors.v3.CorsPolicy', { allow_origin_string_match: [{ exact: 'x' }] }),
        }),
      },
    },
  ],
})

test('parents first, through lists, maps and Any', () => {
  assert.equal(paths(config, `${ROUTE}Route`, `${ROUTE}VirtualHost`, 'envoy.type.matcher.v3.StringMatcher'), [
    'VirtualHost rds["r"].virtual_hosts[0]',
    'Route rds["r"].virtual_hosts[0].routes[0]',
    'StringMatcher rds["r"].virtual_hosts[0].typed_per_filter_config["b"].config.allow_origin_string_match[0]',
  ])
})

test('the resource itself, and nothing for nothing', () => {
  assert.equal(paths(config, `${ROUTE}RouteConfiguration`), ['RouteConfiguration rds["r"]'])
  assert.equal(paths(config), [])
})

test.run()
