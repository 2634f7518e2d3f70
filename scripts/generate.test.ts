import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { ROOT } from './commands.ts'
import { endpointAddress, endpointsOf, type Json, resources, serviceAddress, shuffled, shuffledKeys } from './generate.ts'

const population = { services: 7, endpoints: 31, seed: 1, network: 127 } as const

function generate(...more: readonly string[]): string {
  const args = ['--services', '7', '--endpoints', '31', ...more, '-o', '-']
  const result = spawnSync(process.execPath, ['--import', 'tsx', join(ROOT, 'scripts/generate.ts'), ...args], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  assert.is(result.status, 0, result.stderr)
  return result.stdout
}

/** Resources as text, in an order of their own and with their keys in order: what a shuffle may not change. */
function meaning(list: readonly Json[]): readonly string[] {
  const sorted = (value: Json): Json => {
    if (value === null || typeof value !== 'object') return value
    if (Array.isArray(value)) return value.map(sorted)
    return Object.fromEntries(
      Object.entries(value as Record<string, Json>)
        .sort()
        .map(([key, item]) => [key, sorted(item)]),
    )
  }
  return list.map((one) => JSON.stringify(sorted(one))).sort()
}

test('JSON, YAML and shuffled output hold the same resources', () => {
  const plain = JSON.parse(generate()) as Json[]
  assert.equal(plain, [...resources(population)] as Json[])
  assert.equal(parse(generate('--format', 'yaml')), plain)
  const mixed = generate('--shuffle', '5')
  assert.is.not(mixed, generate())
  assert.is(mixed, generate('--shuffle', '5'))
  assert.equal(meaning(JSON.parse(mixed) as Json[]), meaning(plain))
})

test('another seed makes another snapshot of the same size', () => {
  const other = [...resources({ ...population, seed: 2 })]
  assert.is(other.length, 21)
  assert.not.equal(meaning(other), meaning([...resources(population)]))
})

test('every endpoint belongs to exactly one service', () => {
  const seen = Array.from({ length: 7 }, (_, index) => endpointsOf(population, index)).flatMap(({ first, count }) =>
    Array.from({ length: count }, (_, offset) => first + offset),
  )
  assert.equal(
    seen,
    Array.from({ length: 31 }, (_, index) => index),
  )
})

test('addresses are distinct and stay in their network', () => {
  for (const of of [serviceAddress, endpointAddress]) {
    const addresses = Array.from({ length: 100_000 }, (_, index) => of(127, index).address)
    assert.is(new Set(addresses).size, addresses.length)
    assert.ok(addresses.every((address) => /^127\.\d+\.\d+\.([1-9]|\d\d|1\d\d|2[0-4]\d|25[0-4])$/.test(address)))
  }
  assert.is(serviceAddress(127, 0).address, '127.96.0.1')
  assert.is(endpointAddress(10, 254).address, '10.128.1.1')
})

test('a shuffle is a permutation of keys; lists keep their order', () => {
  assert.equal(shuffled([1, 2, 3, 4, 5, 6, 7, 8], 3).sort(), [1, 2, 3, 4, 5, 6, 7, 8])
  const value = { a: [1, 2, 3], b: { c: 1, d: 2, e: 3 }, f: null }
  assert.equal(shuffledKeys(value, 9), value)
  assert.is.not(JSON.stringify(shuffledKeys(value, 9)), JSON.stringify(value))
})

for (const [services, endpoints] of [
  ['0', '5'],
  ['5', '4'],
  ['2000000', '3000000'],
] as const) {
  test(`${services} services with ${endpoints} endpoints are refused`, () => {
    const args = ['--services', services, '--endpoints', endpoints, '-o', '-']
    const result = spawnSync(process.execPath, ['--import', 'tsx', join(ROOT, 'scripts/generate.ts'), ...args], {
      cwd: ROOT,
      encoding: 'utf8',
    })
    assert.is(result.status, 2)
    assert.is(result.stdout, '')
  })
}

test.run()
