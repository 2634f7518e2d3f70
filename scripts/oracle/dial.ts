/**
 * Dials an address many times and reports who answered. In: a place, a number of dials, source addresses. Out: one outcome per dial, in order, and
 * their tally. Invariant: every dial ends, at the latest by its timeout; no socket is left open.
 */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { Place } from './endpoints.ts'

export interface DialOptions {
  readonly protocol?: 'tcp' | 'udp'
  readonly count: number
  /** dial i binds source i modulo their number; none: not bound */
  readonly sources?: readonly string[]
  /** dials under way at a time; 1 (the default) is strictly one after the other */
  readonly concurrency?: number
  /** milliseconds until a dial counts as `timeout`; 2,000 by default */
  readonly timeout?: number
}

export type Outcome =
  /** the endpoint's own name, "ip:port" */
  | { readonly kind: 'reached'; readonly endpoint: string }
  /** connect failed: ECONNREFUSED and the like, or no answer in time */
  | { readonly kind: 'failed'; readonly code: string }
  /** connected, then closed without a byte: how Envoy refuses */
  | { readonly kind: 'closed' }

export interface Tally {
  readonly outcomes: readonly Outcome[]
  readonly reached: Readonly<Record<string, number>>
  readonly failed: Readonly<Record<string, number>>
  readonly closed: number
}

export async function dialTally(place: Place, options: DialOptions): Promise<Tally> {
  const outcomes: Outcome[] = new Array(options.count)
  const dial = options.protocol === 'udp' ? dialUdp : dialTcp
  let next = 0
  const worker = async (): Promise<void> => {
    for (let i = next++; i < options.count; i = next++) {
      const source = options.sources?.[i % options.sources.length]
      outcomes[i] = await dial(place, source, options.timeout ?? 2000)
    }
  }
  await Promise.all(Array.from({ length: options.concurrency ?? 1 }, worker))
  return { outcomes, ...tallyOf(outcomes) }
}

function tallyOf(outcomes: readonly Outcome[]): Omit<Tally, 'outcomes'> {
  const reached: Record<string, number> = {}
  const failed: Record<string, number> = {}
  let closed = 0
  for (const outcome of outcomes) {
    if (outcome.kind === 'reached') reached[outcome.endpoint] = (reached[outcome.endpoint] ?? 0) + 1
    else if (outcome.kind === 'failed') failed[outcome.code] = (failed[outcome.code] ?? 0) + 1
    else closed++
  }
  return { reached, failed, closed }
}

function dialTcp(place: Place, source: string | undefined, timeout: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ host: place.address, port: place.port, ...(source === undefined ? {} : { localAddress: source }) })
    let connected = false
    let text = ''
    const end = (outcome: Outcome): void => {
      socket.destroy()
      resolve(outcome)
    }
    socket.setTimeout(timeout, () => end({ kind: 'failed', code: 'timeout' }))
    socket.on('connect', () => {
      connected = true
    })
    socket.on('data', (data) => {
      text += data.toString('latin1')
      // the name is one short segment; holding endpoints never close first
      end({ kind: 'reached', endpoint: text })
    })
    socket.on('end', () => end({ kind: 'closed' }))
    socket.on('error', (error: NodeJS.ErrnoException) =>
      end(connected ? { kind: 'closed' } : { kind: 'failed', code: error.code ?? error.message }),
    )
  })
}

function dialUdp(place: Place, source: string | undefined, timeout: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = createSocket(place.address.includes(':') ? 'udp6' : 'udp4')
    const end = (outcome: Outcome): void => {
      clearTimeout(timer)
      socket.close()
      resolve(outcome)
    }
    const timer = setTimeout(() => end({ kind: 'failed', code: 'timeout' }), timeout)
    socket.on('error', (error: NodeJS.ErrnoException) => end({ kind: 'failed', code: error.code ?? error.message }))
    socket.on('message', (data) => end({ kind: 'reached', endpoint: data.toString('latin1') }))
    const send = (): void => {
      socket.connect(place.port, place.address, (error?: Error) => {
        if (error !== undefined) end({ kind: 'failed', code: (error as NodeJS.ErrnoException).code ?? error.message })
        else socket.send('?')
      })
    }
    if (source === undefined) send()
    else socket.bind(0, source, send)
  })
}
