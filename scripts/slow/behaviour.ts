/**
 * One situation with one proxy. In: a case, where the proxy listens, the upstreams behind it. Out: everything that client and upstreams saw, without what changes from run
 * to run (dates, times, ids). Invariant: the connection is gone afterwards.
 */
import { connect } from 'node:net'
import type { BehaviourCase } from './behaviour-cases.ts'
import type { ScriptedUpstream } from './scripted-upstream.ts'

export interface Behaved {
  /** bytes that came back, then how it ended */
  readonly answer: string
  readonly end: 'closed' | 'reset' | 'open'
  readonly upstream: readonly string[]
  readonly shadow: readonly string[]
  /** milliseconds, rounded to hundreds */
  readonly took: number
}

export interface Behaving {
  readonly port: number
  readonly upstream: ScriptedUpstream
  readonly shadow: ScriptedUpstream
}

const GAP = 60
/** without a byte it is over; longer where somebody waits on purpose */
const QUIET = 250
const WAITING = 900

export async function behave({ port, upstream, shadow }: Behaving, { send, half }: BehaviourCase): Promise<Behaved> {
  upstream.take()
  shadow.take()
  const began = Date.now()
  let last = began
  const patience = send.some((piece) => /slow|never|delay/.test(piece)) ? WAITING : QUIET
  const { text, end } = await new Promise<{ text: string; end: Behaved['end'] }>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
    let got = ''
    let quiet: NodeJS.Timeout | undefined
    const finish = (how: Behaved['end']): void => {
      clearTimeout(quiet)
      socket.destroy()
      resolve({ text: got, end: how })
    }
    const wait = (): void => {
      clearTimeout(quiet)
      quiet = setTimeout(() => finish('open'), patience)
    }
    socket.on('data', (data: Buffer) => {
      got += data.toString('latin1')
      last = Date.now()
      wait()
    })
    socket.on('error', (error) => finish('code' in error && error.code === 'ECONNRESET' ? 'reset' : 'closed'))
    socket.on('end', () => finish('closed'))
    socket.once('connect', async () => {
      for (const piece of send) {
        if (socket.destroyed) return
        socket.write(Buffer.from(piece, 'latin1'))
        wait()
        if (send.length > 1) await new Promise((next) => setTimeout(next, GAP))
      }
      if (half === true) socket.end()
    })
  })
  return {
    answer: steady(text),
    end,
    upstream: upstream.take().map(shown),
    shadow: shadow.take().map(shown),
    took: Math.round((last - began) / 100) * 100,
  }
}

function shown({ head, body }: { readonly head: string; readonly body: string }): string {
  const [first = '', ...lines] = head.split('\r\n')
  return steady(`${[first, ...lines.sort()].join('\n')}\n\n${body}`)
}

/** Headers of every head in the order of their names: order between names means nothing. */
function steady(text: string): string {
  return text
    .replace(
      /HTTP\/1\.1 (\d{3}[^\r\n]*)\r\n((?:[^\r\n]+\r\n)*)\r\n/g,
      (_, first: string, headers: string) => `${first}\n${headers.split('\r\n').filter(Boolean).sort().join('\n')}\n\n`,
    )
    .replace(/^date: .*$/gm, (line) => (line.includes('1970') ? line : 'date: now'))
    .replace(/^x-envoy-upstream-service-time: \d+$/gm, 'x-envoy-upstream-service-time: some')
    .replace(
      /^(x-envoy-expected-rq-timeout-ms: )(\d+)$/gm,
      (_, name: string, time: string) => name + Math.round(Number(time) / 1000) * 1000,
    )
    .replace(/^x-request-id: [0-9a-f-]{36}$/gm, 'x-request-id: some')
}
