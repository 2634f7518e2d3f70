/**
 * Requests at the boundaries of a configuration. In: a sketch after its configuration is drawn. Out: a request of texts that the configuration asks for, as they
 * are or a character off. Invariant: a path holds visible ASCII only and starts with "/", else no codec would take it.
 */
import type { RoutingRequest } from './routing-case.ts'
import type { Sketch } from './sketch.ts'
import { headerName, host, near, path, queryName, value } from './words.ts'

export function randomRequest(sketch: Sketch): RoutingRequest {
  const method =
    sketch.methods.length > 0 && sketch.chance(0.4)
      ? sketch.one(sketch.methods)
      : sketch.weighted([
          [20, 'GET'],
          [3, 'POST'],
          [2, 'HEAD'],
          [1, sketch.one(['PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])],
        ])
  const authority = hostOf(sketch)
  const headers = headersOf(sketch)
  if (method === 'CONNECT') {
    const target = /^[a-zA-Z0-9.-]+:\d+$/.test(authority) ? authority : 'a.com:80'
    return { method, authority: target, path: target, headers }
  }
  return { method, authority, path: pathOf(sketch), headers }
}

function hostOf(sketch: Sketch): string {
  const known = sketch.hosts.length > 0 && sketch.chance(0.85) ? sketch.one(sketch.hosts) : host(sketch)
  const text = sketch.chance(0.25) ? near(sketch, known) : known
  const ported = sketch.chance(0.15)
    ? `${text}${sketch.one([':80', ':8080', ':', ':443', '.', ':18080', '.:18080', ':018080', ':4294967296'])}`
    : text
  return ported.replace(/[^\x21-\x7e]|[/?#@\\"<>^`{|}]/g, '')
}

function pathOf(sketch: Sketch): string {
  const known = sketch.paths.length > 0 && sketch.chance(0.85) ? sketch.one(sketch.paths) : path(sketch)
  let text = sketch.chance(0.35) ? near(sketch, known) : known
  if (sketch.chance(0.15))
    text += sketch.one([
      '/',
      '/x',
      '//',
      '/..',
      '/../b',
      '/.',
      '%2F',
      '%',
      ';p',
      ' '.trim(),
      '/%2e%2e',
      '/%2f/b',
      '%5Cx',
      '/./b',
      '/%00',
      '\\\\b',
      'x'.repeat(300),
    ])
  text = text.replace(/[^\x21-\x7e]/g, '_')
  if (!text.startsWith('/')) text = `/${text}`
  if (sketch.query.length > 0 ? sketch.chance(0.6) : sketch.chance(0.2)) text += `?${queryOf(sketch)}`
  return sketch.chance(0.01) ? `${text}#f` : text
}

function queryOf(sketch: Sketch): string {
  const parts = sketch.many(0, 3, () => {
    const [name, text] =
      sketch.query.length > 0 && sketch.chance(0.8)
        ? sketch.one(sketch.query)
        : [queryName(sketch), sketch.one(['1', 'a', '', `%${sketch.whole(32, 127).toString(16)}`, '%zz', '%', 'a%2', '+', '%C3%A9'])]
    const near_ = sketch.chance(0.2) ? near(sketch, text) : text
    return sketch.chance(0.1) ? name : `${name}=${near_}`
  })
  return (parts.join('&') + sketch.one(['', '', '', '&', '?x', '&=1'])).replace(/[^\x21-\x7e]/g, '+')
}

function headersOf(sketch: Sketch): RoutingRequest['headers'] {
  const list: (readonly [string, string])[] = []
  for (const [name, text] of sketch.headers) if (sketch.chance(0.5)) list.push([name, sketch.chance(0.3) ? near(sketch, text) : text])
  if (sketch.chance(0.3)) list.push([headerName(sketch), value(sketch)])
  if (list.length > 0 && sketch.chance(0.15)) list.push([sketch.one(list)[0], value(sketch)])
  if (sketch.chance(0.06)) list.push([sketch.one(['x-a', 'x-empty', 'x-b']), ''])
  if (sketch.chance(0.06)) list.push(['x-forwarded-proto', sketch.one(['https', 'http', 'HTTPS', 'ftp', ''])])
  if (sketch.chance(0.03))
    list.push([
      'referer',
      sketch.one([
        'http://a.com/x',
        'https://b.com',
        'HTTP://A.com:80/?q',
        'a.com',
        '/x',
        'ftp://a.com',
        'http://',
        'http://a.com:0/',
        'http://a b.com/',
        'http:a.com',
      ]),
    ])
  if (sketch.chance(0.05)) list.push(['content-type', sketch.one(['application/grpc', 'application/grpc+json', 'application/json'])])
  if (sketch.chance(0.04))
    list.push(
      sketch.one<readonly [string, string]>([
        ['te', 'trailers'],
        ['via', '1.1 x'],
        ['x-envoy-original-path', '/orig?x'],
        ['x-envoy-upstream-rq-timeout-ms', '70'],
        ['x-forwarded-host', 'h1'],
        ['x-envoy-attempt-count', '9'],
        ['grpc-timeout', '5S'],
        ['x-request-id', 'r'],
        ['connection', 'x-a'],
        ['x-envoy-fault-abort-request', '418'],
        ['x-envoy-internal', 'true'],
        ['content-length', '0'],
        ['x-envoy-downstream-service-node', 'node'],
        ['x-envoy-fault-abort-grpc-request', '5'],
      ]),
    )
  if (sketch.chance(0.02) && !list.some(([name]) => name === 'content-type'))
    list.push(['connection', 'upgrade'], ['upgrade', sketch.one(['websocket', 'WebSocket', 'other', 'h2c'])])
  const [first, ...rest] = list
  const shuffled = first !== undefined && sketch.chance(0.3) ? [...rest, first] : list
  return shuffled.map(([name, text]) => [sketch.chance(0.1) ? name.toUpperCase() : name, pad(sketch, clean(text))])
}

/** what a header may hold, so that it goes out as one line; non-ASCII stays */
function clean(text: string): string {
  return text.replace(CONTROL, '')
}

function pad(sketch: Sketch, text: string): string {
  return sketch.chance(0.05) ? `${sketch.one([' ', '\t', '  '])}${text}${sketch.one(['', ' ', '\t '])}` : text
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what they are
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/g
