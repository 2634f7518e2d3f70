import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { analyse } from '../../compiler/compile.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { servicesDocument } from '../../compiler/services-document.ts'
import { OWNER_KEY_BYTES, ownerKey } from '../../proto/owner-key.ts'
import { readServicesDocument } from '../../proto/http/services.ts'
import { type BucketOwner, createEvaluator } from './evaluator.ts'
import { createTokenBuckets } from './token-buckets.ts'

const SECOND = 1_000_000_000n
const MILLISECOND = 1_000_000n
const owner = { service: 's', filter: 'f' }
const bucket = { maxTokens: 2, tokensPerFill: 1, fillInterval: 100 }

test('a bucket starts full, is filled with time and never runs over', () => {
  let now = 100n * SECOND
  const take = createTokenBuckets(undefined, () => now)
  const taken = (): boolean => take(owner, bucket)
  assert.equal([taken(), taken(), taken()], [true, true, false])
  now += 99n * MILLISECOND
  assert.not.ok(taken())
  now += 2n * MILLISECOND
  assert.equal([taken(), taken()], [true, false])
  now += SECOND
  assert.equal([taken(), taken(), taken()], [true, true, false])
  assert.ok(take({ ...owner, filter: 'g' }, bucket), 'another owner has another bucket')
  assert.not.ok(take({ ...owner, filter: 'h' }, { ...bucket, maxTokens: 0 }))
})

test('one that takes longer to fill than the machine runs is full at first', () => {
  const take = createTokenBuckets(undefined, () => SECOND)
  const slow = { maxTokens: 3, tokensPerFill: 1, fillInterval: 3_600_000 }
  assert.equal(
    [0, 1, 2, 3].map(() => take(owner, slow)),
    [true, true, true, false],
  )
})

test('what the kernel has taken is gone', () => {
  const now = 100n * SECOND
  const cell = new BigUint64Array(1)
  const take = createTokenBuckets(
    () => cell,
    () => now,
  )
  // one token, as km_take_token does it
  const time = (1n << 62n) + now
  cell[0] = time - 200n * MILLISECOND + 100n * MILLISECOND
  assert.equal([take(owner, bucket), take(owner, bucket)], [true, false])
  assert.is(cell[0], time)
})

const limit = (tokens: number) => ({
  name: 'limit',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
    stat_prefix: 'l',
    token_bucket: { max_tokens: tokens, tokens_per_fill: 1, fill_interval: '60s' },
    filter_enabled: { default_value: { numerator: 100 } },
    filter_enforced: { default_value: { numerator: 100 } },
  },
})
const listener = {
  '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
  name: 'l',
  address: { socket_address: { address: '127.0.0.1', port_value: 80 } },
  filter_chains: [
    {
      filters: [
        {
          name: 'http',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
            stat_prefix: 'h',
            http_filters: [
              limit(3),
              { name: 'router', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' } },
            ],
            route_config: {
              name: 'r',
              virtual_hosts: [
                {
                  name: 'v',
                  domains: ['*'],
                  routes: [
                    {
                      match: { prefix: '/own' },
                      direct_response: { status: 200 },
                      typed_per_filter_config: { limit: limit(1).typed_config },
                    },
                    { match: { prefix: '/' }, direct_response: { status: 200 } },
                  ],
                },
              ],
            },
          },
        },
      ],
    },
  ],
}

test('the owner of a bucket is the same one for kernel and user space', () => {
  const diag = createDiagnostics()
  const source = { name: 'snapshot.json', bytes: Buffer.from(JSON.stringify({ resources: [listener] })) }
  const options = { addresses: [], plaintextTo: new Set<string>(), strict: false, resolve: new Map() }
  const { input, plan } = analyse([source], options, diag, () => undefined)
  const document = servicesDocument(input.resources, { resolve: new Map(), plaintextTo: new Set() })
  const evaluator = createEvaluator(readServicesDocument(document as Uint8Array) as NonNullable<ReturnType<typeof readServicesDocument>>)
  const entrance = evaluator.entrance('127.0.0.1:80', '127.0.0.1:1000')
  if (entrance.kind !== 'service') throw new Error(entrance.why)
  const owners: BucketOwner[] = []
  const live = { random: () => 0, takeToken: (one: BucketOwner) => owners.push(one) > 0 }
  for (const path of ['/own', '/other']) entrance.service.judge({ method: 'GET', authority: 'a', path, headers: [] }, live)
  const keys = Buffer.from(plan.tables.states)
  assert.is(owners.length, 2)
  for (const { service, filter } of owners)
    assert.is(keys.indexOf(ownerKey('bucket', service, filter)) % OWNER_KEY_BYTES, 0, JSON.stringify({ service, filter }))
})

test.run()
