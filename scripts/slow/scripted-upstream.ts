/**
 * An upstream that does what a request's path says. In: a port of 127.0.0.1. Out: a running server; what it got of every request. The last segment of a path
 * names the behaviour ("/any/thing/cut"); BEHAVIOURS lists them. Heads are read bytewise here, so that nothing about them is tidied up.
 */
import { createServer, type Socket } from 'node:net'

export interface UpstreamRequest {
  /** request line and headers, without the blank line */
  readonly head: string
  readonly body: string
}

export interface ScriptedUpstream {
  take(): readonly UpstreamRequest[]
  stop(): Promise<void>
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** how many requests of that path there were before, the request */
type Behave = (socket: Socket, request: UpstreamRequest, before: number) => void

const BEHAVIOURS: Readonly<Record<string, Behave>> = {
  ok: (socket) => socket.write(OK),
  echo: (socket, { head, body }) => {
    const [first = '', ...lines] = head.split('\r\n')
    const text = `${[first, ...lines.sort()].join('\n')}\n\n${body}`
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(text, 'latin1')}\r\n\r\n`)
    socket.write(Buffer.from(text, 'latin1'))
  },
  chunked: (socket) => socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n'),
  trailers: (socket) =>
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-t\r\n\r\n3\r\nabc\r\n0\r\nx-t: v\r\n\r\n'),
  until_close: (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'),
  closing: (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok'),
  empty: (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
  none: (socket) => socket.write('HTTP/1.1 204 No Content\r\nx-a: b\r\n\r\n'),
  not_modified: (socket) => socket.write('HTTP/1.1 304 Not Modified\r\netag: "a"\r\n\r\n'),
  reason: (socket) => socket.write('HTTP/1.1 200 Fine Indeed\r\ncontent-length: 2\r\n\r\nok'),
  odd_status: (socket) => socket.write('HTTP/1.1 299 Odd\r\ncontent-length: 2\r\n\r\nok'),
  early_hints: (socket) => socket.write(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${OK}`),
  continue: (socket) => socket.write(`HTTP/1.1 100 Continue\r\n\r\n${OK}`),
  headers: (socket) =>
    socket.write(
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-Up: One\r\nx-up: two\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\nserver: own\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\nkeep-alive: timeout=5\r\nproxy-connection: x\r\nconnection: x-hop\r\nx-hop: 1\r\nvia: up\r\n\r\nok',
    ),
  cut: (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nten bytes.')
    setTimeout(() => socket.destroy(), 30)
  },
  cut_chunked: (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n')
    setTimeout(() => socket.destroy(), 30)
  },
  drop: (socket) => socket.destroy(),
  reset: (socket) => socket.resetAndDestroy(),
  garbage: (socket) => socket.write('this is no HTTP\r\n\r\n'),
  both: (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'),
  slow: (socket) => setTimeout(() => socket.write(OK), 600),
  slow_body: (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab')
    setTimeout(() => socket.write('cd'), 700)
  },
  never: () => undefined,
  s500: (socket) => socket.write('HTTP/1.1 500 Internal Server Error\r\ncontent-length: 3\r\n\r\nbad'),
  s503: (socket) => socket.write('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 3\r\n\r\nbad'),
  s409: (socket) => socket.write('HTTP/1.1 409 Conflict\r\ncontent-length: 3\r\n\r\nbad'),
  s418: (socket) => socket.write('HTTP/1.1 418 Teapot\r\ncontent-length: 3\r\n\r\nbad'),
  overloaded: (socket) => socket.write('HTTP/1.1 503 Service Unavailable\r\nx-envoy-overloaded: true\r\ncontent-length: 3\r\n\r\nbad'),
  twice_bad: (socket, _, before) => socket.write(before < 2 ? 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 3\r\n\r\nbad' : OK),
  once_dropped: (socket, _, before) => (before < 1 ? socket.destroy() : socket.write(OK)),
  once_never: (socket, _, before) => (before < 1 ? undefined : socket.write(OK)),
  once_409: (socket, _, before) => socket.write(before < 1 ? 'HTTP/1.1 409 Conflict\r\ncontent-length: 3\r\n\r\nbad' : OK),
  once_418: (socket, _, before) => socket.write(before < 1 ? 'HTTP/1.1 418 Teapot\r\nx-again: yes\r\ncontent-length: 3\r\n\r\nbad' : OK),
  switch: (socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nx-a: b\r\n\r\n')
    socket.removeAllListeners('data')
    socket.on('data', (data: Buffer) => socket.write(`<${data.toString('latin1')}>`))
    socket.on('end', () => socket.end('bye'))
  },
}

export async function startScriptedUpstream(port: number): Promise<ScriptedUpstream> {
  let taken: UpstreamRequest[] = []
  const counts = new Map<string, number>()
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let text = ''
    socket.on('end', () => socket.end())
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1')
      for (;;) {
        const end = text.indexOf('\r\n\r\n')
        if (end < 0) return
        const head = text.slice(0, end)
        const body = bodyOf(head, text.slice(end + 4))
        if (body === undefined) return
        text = text.slice(end + 4 + body.length)
        const request = { head, body: body.body }
        taken.push(request)
        const path = head.split(' ')[1] ?? ''
        const before = counts.get(path) ?? 0
        counts.set(path, before + 1)
        const name = path.slice(path.lastIndexOf('/') + 1).split('?')[0] ?? ''
        ;(BEHAVIOURS[name] ?? (BEHAVIOURS.ok as Behave))(socket, request, before)
      }
    })
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ host: '127.0.0.1', port }, resolve))
  return {
    take() {
      const all = taken
      taken = []
      return all
    },
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

/** undefined: it is not whole yet */
function bodyOf(head: string, rest: string): { readonly body: string; readonly length: number } | undefined {
  if (/\r\ntransfer-encoding: chunked/i.test(head)) {
    let body = ''
    let at = 0
    for (;;) {
      const line = rest.indexOf('\r\n', at)
      if (line < 0) return undefined
      const size = Number.parseInt(rest.slice(at, line), 16)
      if (rest.length < line + 2 + size + 2) return undefined
      if (size === 0) return { body, length: line + 4 }
      body += rest.slice(line + 2, line + 2 + size)
      at = line + 2 + size + 2
    }
  }
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
  return rest.length < length ? undefined : { body: rest.slice(0, length), length }
}
