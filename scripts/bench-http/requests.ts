/**
 * The requests of the benchmark. In: what is measured; out: requests for each route, as a script for wrk and as whole texts. Pure.
 * Invariant: each says in x-want which server it must reach; another one answers 409 (backend.c), which every client counts as a failure.
 */
import { CLUSTERS, HOST, manyPath } from './configs.ts'

export interface Request {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: readonly (readonly [string, string])[]
  /** bytes of the body */
  readonly body: number
}

/** What a browser's script sends along. */
const USUAL: Request['headers'] = [
  ['Host', HOST],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36'],
  ['Accept', 'application/json, text/plain, */*'],
  ['Accept-Language', 'en-GB,en;q=0.9'],
  ['Accept-Encoding', 'gzip, deflate, br'],
  ['Cookie', 'session=0f8a1c5be2d94e7db1a3c6f5; theme=dark'],
]

const get = (path: string, want: string, more: Request['headers'] = []): Request => ({
  method: 'GET',
  path,
  headers: [...USUAL, ['x-want', want], ...more],
  body: 0,
})

/** One for each of the routes that a GET takes. */
export const SMALL: readonly Request[] = [
  get('/reviews/17?page=3', 'a'),
  get('/reviews/17?page=3', 'b', [['x-team', 'beta']]),
  get('/ratings/4', 'c', [['x-team', 'web']]),
]

export const LARGE_BYTES = 1 << 20
export const LARGE: readonly Request[] = [get('/reviews/large', 'a', [['x-size', `${LARGE_BYTES}`]])]

export const POST: readonly Request[] = [
  { method: 'POST', path: '/cart/items', headers: [...USUAL, ['Content-Type', 'application/json'], ['x-want', 'c']], body: 16 << 10 },
]

/** Requests spread over `count` routes (manyPath). */
export function manyRequests(count: number): readonly Request[] {
  const asked = Math.min(count, 64)
  return Array.from({ length: asked }, (_, at) => {
    const index = Math.floor(((at + 0.5) * count) / asked)
    return get(`${manyPath(index)}page`, CLUSTERS[index % 3] as string)
  })
}

export function closing(requests: readonly Request[]): readonly Request[] {
  return requests.map((request) => ({ ...request, headers: [...request.headers, ['Connection', 'close']] }))
}

/** Head and body as they are sent. */
export function requestText({ method, path, headers, body }: Request): string {
  const length = body > 0 ? [`Content-Length: ${body}`] : []
  const lines = [`${method} ${path} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`), ...length]
  return `${lines.join('\r\n')}\r\n\r\n${'x'.repeat(body)}`
}

/** Makes all texts before the clock starts, sends them in turn, and prints one line of JSON in the end. Latencies in microseconds. */
export function wrkScript(requests: readonly Request[]): string {
  return `local texts, at = {}, 0
function init()
  texts = { ${requests.map((request) => `"${luaText(requestText(request))}"`).join(', ')} }
end
function request()
  at = at % #texts + 1
  return texts[at]
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\\n{"requests":%d,"failed":%d,"seconds":%.6f,"p50":%d,"p99":%d}\\n', summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout, summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end
`
}

function luaText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\r', '\\r').replaceAll('\n', '\\n')
}
