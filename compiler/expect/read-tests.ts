/**
 * The file of route tests. In: YAML or JSON text. Out: tests with their places; what is wrong is KM1921, at its line and column. Forms:
 *
 *   - name: jason sees v2
 *     request: {method: GET, authority: "reviews:9080", path: /api, headers: {end-user: jason}, route_config: "9080"}   # or: request: GET http://reviews:9080/api
 *     expect: {outcome: cluster, cluster: reviews-v2}
 *   - name: redis is balanced
 *     dial: {protocol: tcp, address: 10.0.0.1:6379}
 *     expect: {outcome: balanced, cluster: redis, shares: {"10.1.0.1:6379": 50%, "10.1.0.2:6379": 50%}}
 *
 * The list may also stand under `tests`, beside `route_config` and `headers` that hold for every request without its own.
 */
import { LineCounter, parseDocument } from 'yaml'
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Source } from '../input/text.ts'
import { Mistake, type NodePath, objectOf, textOf } from './mistake.ts'
import { readDial, readRequest, type RequestDefaults } from './read-parts.ts'
import { DIAL_FIELDS, type Expected, type Place, REQUEST_FIELDS, type RouteTest } from './route-test.ts'

const FIX = 'write a list of {name, request, expect} or {name, dial, expect}'

export function readTests(source: Source, diag: Diagnostics): readonly RouteTest[] {
  const lines = new LineCounter()
  const document = parseDocument(Buffer.from(source.bytes).toString(), { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const report = (message: string, offset: number | undefined): void => {
    const { line, col } = lines.linePos(offset ?? 0)
    const place = { file: source.name, line: Math.max(1, line), column: Math.max(1, col) }
    diag.report({ code: 'KM1921', severity: 'error', path: '', message, fix: FIX, ...place })
  }
  for (const error of document.errors) report(error.message.split('\n', 1)[0] ?? 'not YAML', error.pos[0])
  if (document.errors.length > 0) return []
  const placeOf = (at: NodePath): Place => {
    const offset = offsetOf(at)
    const { line, col } = lines.linePos(offset ?? 0)
    return { file: source.name, line: Math.max(1, line), column: Math.max(1, col) }
  }
  const offsetOf = (at: NodePath): number | undefined => {
    for (let length = at.length; length >= 0; length--) {
      const node = length === 0 ? document.contents : document.getIn(at.slice(0, length), true)
      const range = (node as { range?: readonly number[] } | undefined | null)?.range
      if (range !== undefined && range !== null) return range[0]
    }
    return undefined
  }
  let root: unknown
  try {
    root = document.toJS({ maxAliasCount: 1000 })
  } catch (error) {
    report((error as Error).message, 0)
    return []
  }
  const attempt = <Made>(make: () => Made): Made | undefined => {
    try {
      return make()
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      report(error.message, offsetOf(error.at))
      return undefined
    }
  }
  const file = attempt(() => readFile(root))
  const tests = file?.tests.flatMap((one, index) => attempt(() => [readTest(one, [...file.at, index], file.defaults, placeOf)]) ?? []) ?? []
  if (file !== undefined && file.tests.length === 0) report('there is no test', 0)
  return tests
}

function readFile(root: unknown): { readonly tests: readonly unknown[]; readonly at: NodePath; readonly defaults: RequestDefaults } {
  if (Array.isArray(root)) return { tests: root, at: [], defaults: {} }
  const file = objectOf(root, [], ['tests', 'route_config', 'headers'])
  if (!Array.isArray(file.tests)) throw new Mistake(['tests'], '"tests" is not a list')
  const routeConfig = file.route_config
  return {
    tests: file.tests,
    at: ['tests'],
    defaults: {
      ...(routeConfig !== undefined && { routeConfig: textOf(routeConfig, ['route_config']) }),
      ...(file.headers !== undefined && { headers: file.headers }),
    },
  }
}

function readTest(value: unknown, at: NodePath, defaults: RequestDefaults, placeOf: (at: NodePath) => Place): RouteTest {
  const test = objectOf(value, at, ['name', 'request', 'dial', 'expect'])
  const name = test.name === undefined ? `test ${Number(at.at(-1)) + 1}` : textOf(test.name, [...at, 'name'])
  const place = placeOf(at)
  if ((test.request === undefined) === (test.dial === undefined)) throw new Mistake(at, `"${name}" needs either "request" or "dial"`)
  if (test.expect === undefined) throw new Mistake(at, `"${name}" has no "expect"`)
  if (test.request !== undefined) {
    const { request, routeConfig } = readRequest(test.request, [...at, 'request'], defaults)
    const expect = readExpect(test.expect, [...at, 'expect'], REQUEST_FIELDS)
    return { kind: 'request', name, place, request, expect, ...(routeConfig !== undefined && { routeConfig }) }
  }
  return {
    kind: 'dial',
    name,
    place,
    dial: readDial(test.dial, [...at, 'dial']),
    expect: readExpect(test.expect, [...at, 'expect'], DIAL_FIELDS),
  }
}

const MAPS: ReadonlySet<string> = new Set(['request_headers', 'response_headers', 'shares', 'clusters'])

function readExpect(value: unknown, at: NodePath, fields: readonly string[]): Readonly<Record<string, Expected>> {
  const expect = objectOf(value, at, fields)
  if (Object.keys(expect).length === 0) throw new Mistake(at, '"expect" says nothing')
  for (const [name, wanted] of Object.entries(expect)) {
    const good = MAPS.has(name) ? isMap(wanted) : isScalar(wanted) || (Array.isArray(wanted) && wanted.every(isScalar))
    if (!good)
      throw new Mistake(
        [...at, name],
        MAPS.has(name) ? `"${name}" is a map from name to value` : `"${name}" is a text, a number, null or a list of these`,
      )
  }
  return expect as Readonly<Record<string, Expected>>
}

const isScalar = (value: unknown): boolean => value === null || typeof value === 'string' || typeof value === 'number'

function isMap(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((one) => isScalar(one) || (Array.isArray(one) && one.every((item) => typeof item === 'string')))
}
