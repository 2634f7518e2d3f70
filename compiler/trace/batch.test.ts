import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import { readInput } from '../input/read.ts'
import { runBatch } from './batch.ts'
import { readRequestLine } from './request-line.ts'
import { createTracer } from './tracer.ts'

const snapshot = {
  '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  name: 'r',
  virtual_hosts: [
    {
      name: 'v',
      domains: ['a.com'],
      routes: [
        { match: { prefix: '/r' }, redirect: {} },
        { name: 'n', match: { prefix: '/' }, route: { cluster: 'c' } },
      ],
    },
  ],
}
const input = readInput([{ name: 's.json', bytes: Buffer.from(JSON.stringify([snapshot])) }], createDiagnostics())
const tracer = createTracer(input.resources, () => assert.unreachable() as never)

const ajv = new Ajv({ strict: true, strictRequired: false })
for (const name of ['trace', 'diagnostic'])
  ajv.addSchema(JSON.parse(readFileSync(new URL(`../../proto/${name}.schema.json`, import.meta.url), 'utf8')) as object)
const validate = ajv.getSchema('trace.schema.json#/definitions/line')

interface Line {
  readonly id: unknown
  readonly outcome: string
  readonly reason: string
  readonly [field: string]: unknown
}

function run(text: string, routeConfig?: string): { readonly lines: readonly Line[]; readonly errors: number } {
  let out = ''
  const errors = runBatch(text, tracer, { routeConfig, write: (lines) => (out += lines) })
  const lines = out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
  for (const line of lines) assert.ok(validate?.(line), JSON.stringify(validate?.errors))
  return { lines, errors }
}
const request = (more: object = {}): string =>
  JSON.stringify({ id: 'x', authority: 'a.com', method: 'GET', path: '/', headers: [], ...more })

test('one answer a line, in order, blank lines apart', () => {
  const { lines, errors } = run(
    `${request({ id: 1 })}\n\n${request({ id: 'two', path: '/r' })}\r\n${request({ id: null, authority: 'b.com' })}`,
    'r',
  )
  assert.is(errors, 0)
  assert.equal(
    lines.map(({ id, outcome }) => [id, outcome]),
    [
      [1, 'cluster'],
      ['two', 'redirect'],
      [null, 'no_route'],
    ],
  )
  assert.equal(
    lines.map(({ route, cluster, status, location }) => [route, cluster, status, location]),
    [
      ['n', 'c', null, null],
      [null, null, 301, 'http://a.com/r'],
      [null, null, 404, null],
    ],
  )
})

test('a bad line is an error with its code and stops nobody', () => {
  const bad = [
    '{',
    '[]',
    '{"id":5}',
    request({ method: 'G T' }),
    request({ headers: [['a']] }),
    request({ random: 1 }),
    request({ scheme: 5 }),
    request({ path: '' }),
  ]
  const { lines, errors } = run([...bad, request()].join('\n'), 'r')
  assert.is(errors, bad.length)
  assert.is(lines.length, bad.length + 1)
  for (const line of lines.slice(0, -1)) {
    assert.is(line.outcome, 'error')
    assert.match(line.reason, /^KM1711: line \d+: /)
  }
  assert.equal(
    lines.map(({ id }) => id),
    [null, null, 5, 'x', 'x', 'x', 'x', 'x', 'x'],
  )
  assert.is(lines.at(-1)?.outcome, 'cluster')
})

test('a line may say where it starts', () => {
  const { lines, errors } = run(
    [request({ route_config: 'r' }), request({ route_config: 'none' }), request({ authority: 'other' }), request()].join('\n'),
  )
  assert.is(errors, 2)
  assert.equal(
    lines.map(({ outcome }) => outcome),
    ['cluster', 'error', 'error', 'cluster'],
  )
  assert.match(lines[1]?.reason ?? '', /^KM1712/)
  assert.match(lines[2]?.reason ?? '', /^KM1713/)
})

test('what is optional may be null or absent, and an authority may be empty', () => {
  const read = readRequestLine('{"method":"GET","path":"*","authority":"","headers":null,"scheme":null,"random":null,"more":1}')
  assert.equal(read, { id: null, method: 'GET', path: '*', authority: '', headers: [] })
})

test.run()
