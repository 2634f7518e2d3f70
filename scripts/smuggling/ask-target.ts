/**
 * One case against one target. In: a case, where the target listens, the upstream behind it. Out: the outcome. Invariant: the connection is gone afterwards; no case takes longer
 * than its patience.
 */
import { connect } from 'node:net'
import type { RecordingUpstream } from './recording-upstream.ts'
import type { SmugglingCase, SmugglingOutcome } from './smuggling-case.ts'

export interface Target {
  readonly host: string
  readonly port: number
  readonly upstream: RecordingUpstream
}

/** Milliseconds: between two pieces, without a byte before it is over, at most in all. */
const GAP = 8
const QUIET = 300
const PATIENCE = 4000

/** What a client does: `first`, if there is one, is sent and answered with the two bytes of a recording upstream before anything of `send`. */
export interface Asked {
  readonly host: string
  readonly port: number
  readonly first?: string
  readonly send: readonly string[]
}

export interface Exchanged {
  /** behind the answer to `first`; one character a byte */
  readonly text: string
  readonly closed: SmugglingOutcome['closed']
}

export async function askTarget({ host, port, upstream }: Target, { send }: SmugglingCase): Promise<SmugglingOutcome> {
  upstream.take()
  const exchanged = await exchange({ host, port, send })
  await new Promise((resolve) => setTimeout(resolve, 10))
  return outcomeOf(exchanged, upstream.take())
}

export function outcomeOf({ text, closed }: Exchanged, reached: SmugglingOutcome['reached']): SmugglingOutcome {
  const statuses = [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) => Number(status)).filter((status) => status !== 100)
  return { reached, statuses, closed }
}

const FIRST_ANSWERED = /^HTTP\/1\.1 \d{3} [\s\S]*?\r\n\r\nok/

export function exchange({ host, port, first, send }: Asked): Promise<Exchanged> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true })
    let text = ''
    let quiet: NodeJS.Timeout | undefined
    let isWriting = true
    let answered: (() => void) | undefined
    const finish = (closed: SmugglingOutcome['closed']): void => {
      clearTimeout(quiet)
      clearTimeout(most)
      socket.destroy()
      resolve({ text, closed })
    }
    const most = setTimeout(() => finish('open'), PATIENCE)
    const wait = (): void => {
      clearTimeout(quiet)
      if (!isWriting) quiet = setTimeout(() => finish('open'), QUIET)
    }
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1')
      if (answered !== undefined && FIRST_ANSWERED.test(text)) {
        text = text.replace(FIRST_ANSWERED, '')
        answered()
        answered = undefined
      }
      wait()
    })
    socket.on('error', () => undefined)
    socket.on('end', () => finish('by_target'))
    socket.on('close', () => finish('by_target'))
    socket.once('connect', async () => {
      if (first !== undefined) {
        socket.write(first)
        await new Promise<void>((resolve) => {
          answered = resolve
        })
      }
      for (const piece of send) {
        if (socket.destroyed) return
        socket.write(Buffer.from(piece, 'latin1'))
        if (send.length > 1) await new Promise((next) => setTimeout(next, GAP))
      }
      isWriting = false
      wait()
    })
  })
}
