/**
 * A client connection in user space: request by request, in order. In: a connection that `serve` handed over, perhaps with a request of which the kernel has made the first try. Out: answers; at the end the connection is closed, or
 * given back to the kernel between two requests. Invariant: a request is looked at only when the one before it has been answered in full; a connection is ended
 * or given back once, and only when every byte that was read of it belongs to a request that has been answered.
 */
import type { Socket } from 'node:net'
import type { SlowConnection } from '../serve/slow-lane.ts'
import type { FirstTry } from './first-try.ts'
import { feedRequest, type Fed } from './request-feed.ts'
import type { LaneConnection, LaneContext } from './lane-context.ts'
import { BodyFault, createMessageReader, type MessageReader, type NextHead, type ReaderLimits } from './message-reader.ts'
import { refusalText } from './refusal-text.ts'
import { serveRequest } from './serve-request.ts'
import { tunnelToWaypoint } from './waypoint.ts'
import { serveHttp2 } from './serve-http2.ts'
import type { Service } from './evaluator.ts'

const LIMITS: ReaderLimits = { headLimit: 60 * 1024, headerLimit: 100, chunkedLength: false }

/** `before`: the kernel's first try of its request; or a request of it has been answered here already. */
export async function serveConnection(lane: LaneContext, given: SlowConnection, before?: FirstTry | 'answered'): Promise<void> {
  const { socket } = given
  const first = before === 'answered' ? undefined : before
  socket.on('error', () => undefined)
  const reader = createMessageReader(socket, first?.bytes)
  let ended: 'no' | 'reset' = 'no'
  const connection: LaneConnection = {
    socket,
    reader,
    asked: placeText(given.asked),
    client: placeText(given.client),
    netns: given.netns,
    waypointAgent: undefined,
    entered: undefined,
    reset() {
      if (ended === 'no') given.end('reset')
      ended = 'reset'
    },
  }
  lane.statistics.count('connections')
  try {
    const how = await run(lane, connection, given, { kept: first, answered: before === 'answered' ? 1 : 0 })
    if (ended === 'no') {
      if (how === 'close') await finish(connection, () => given.end('close'))
    }
  } catch {
    connection.reset()
  } finally {
    first?.attempt.abort()
    reader.release()
    connection.waypointAgent?.destroy()
  }
}

function placeText({ address, port }: SlowConnection['asked']): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

async function run(
  lane: LaneContext,
  connection: LaneConnection,
  given: SlowConnection,
  { kept, answered }: { readonly kept: FirstTry | undefined; readonly answered: number },
): Promise<'close' | 'returned'> {
  const { reader, socket } = connection
  for (let count = answered + 1; ; count++) {
    const before = enter(lane, connection)
    const next = before === undefined ? undefined : await nextHead(lane, connection, before.service, count)
    if (next?.kind === 'leave') {
      given.giveBack()
      return 'returned'
    }
    if (next?.kind === 'over') return 'close'
    // another generation may have come in the meantime
    const entered = enter(lane, connection)
    if (next === undefined || entered === undefined) {
      if ((await tunnelToWaypoint(lane, connection)) === 'unreachable') connection.reset()
      return 'close'
    }
    const { evaluator, service } = entered
    const first = count === 1 ? kept : undefined
    const drawn = count === 1 ? given.drawn : undefined
    if (next.kind === 'http2') {
      await serveHttp2(lane, connection, evaluator, service)
      return 'close'
    }
    const fed = next.kind === 'head' ? await feedRequest(next.head, next.bytes, socket) : undefined
    if (next.kind === 'refused' || fed === undefined) return refuse(lane, connection, service, next.kind === 'refused' ? next.status : 400)
    const { ending, last } = await withBody(connection, fed, (signal) =>
      serveRequest({ lane, connection, evaluator, service, head: next.head, fed, first, drawn, signal }),
    )
    const isLast = ending !== 'keep' || !reader.bodyEnded || (service.settings.mostRequests > 0 && count >= service.settings.mostRequests)
    const isClean = !isLast && given.fastLane === 'possible' && reader.held === 0 && !reader.ended && !socket.destroyed
    if (isClean && (last.length === 0 ? socket.writableLength === 0 : given.finish(last) === 'returned')) {
      lane.statistics.count('returned')
      if (last.length === 0) given.giveBack()
      return 'returned'
    }
    if (!isClean && last.length > 0 && !socket.destroyed) socket.write(last)
    if (ending === 'refuse') return refuse(lane, connection, service, 400)
    if (isLast || socket.destroyed) return 'close'
  }
}

/** Where the connection leads now; looked up again only for another generation. */
function enter(lane: LaneContext, connection: LaneConnection): LaneConnection['entered'] {
  const evaluator = lane.evaluator()
  if (evaluator === undefined) return undefined
  if (connection.entered?.evaluator !== evaluator) {
    const entrance = evaluator.entrance(connection.asked, connection.client)
    connection.entered = entrance.kind === 'service' ? { evaluator, service: entrance.service } : undefined
  }
  return connection.entered
}

function refuse(lane: LaneContext, { socket }: LaneConnection, { settings }: Service, status: number): 'close' {
  lane.statistics.count('refused')
  if (!socket.destroyed) socket.write(refusalText(status, settings))
  return 'close'
}

/** Nothing of a next request is here. */
function isIdle(reader: MessageReader, socket: Socket): boolean {
  return reader.held === 0 && !reader.ended && !socket.destroyed
}

async function flushed(socket: Socket): Promise<void> {
  if (socket.writableLength > 0) await new Promise<void>((resolve) => socket.write('', () => resolve()))
}

/** The next head, with the time limits of the connection manager. 'leave': this process leaves, nothing of a next request is here, and what was answered is in TCP. */
async function nextHead(
  { leaving }: LaneContext,
  { reader, socket }: LaneConnection,
  { settings }: Service,
  count: number,
): Promise<NextHead | { readonly kind: 'leave' }> {
  const limits: ReaderLimits = {
    ...LIMITS,
    headLimit: settings.headLimit,
    headerLimit: settings.headerLimit,
    chunkedLength: settings.chunkedLength,
  }
  const times = [settings.connectionIdle, count === 1 ? 0 : settings.connectionIdle].filter((time) => time > 0)
  const others: Promise<NextHead | { readonly kind: 'leave' }>[] = []
  const over = new AbortController()
  if (times.length > 0)
    others.push(
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve({ kind: 'over', how: 'clean' }), Math.min(...times))
        over.signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
      }),
    )
  if (isIdle(reader, socket))
    others.push(
      new Promise((resolve) => {
        const leave = async (): Promise<void> => {
          await flushed(socket)
          // one that was just handed over was so for what is to be read
          if (isIdle(reader, socket) && (count > 1 || socket.bytesRead > 0)) resolve({ kind: 'leave' })
        }
        if (leaving.aborted) setImmediate(() => void leave())
        leaving.addEventListener('abort', () => void leave(), { signal: over.signal })
      }),
    )
  try {
    return await Promise.race([reader.next(limits), ...others])
  } finally {
    over.abort()
  }
}

/** Serves a request while its body is read. 'cut': the client has ended it in the middle; nobody is there to be answered. */
async function withBody<Ending>(
  { reader, socket }: LaneConnection,
  fed: Fed,
  serve: (signal: AbortSignal) => Promise<Ending>,
): Promise<{ readonly ending: Ending | 'cut'; readonly last: Buffer }> {
  let over = false
  let cut: 'cut' | undefined
  const gone = (): void => fed.fail()
  socket.once('close', gone)
  const pump = async (): Promise<void> => {
    try {
      for (let bytes = await reader.body(); bytes !== undefined && !over; bytes = await reader.body()) await fed.push(bytes)
    } catch (error) {
      if (over) return
      if (error instanceof BodyFault && error.kind === 'cut_off') cut = 'cut'
      fed.fail()
    }
  }
  const pumping = reader.bodyEnded ? Promise.resolve() : pump()
  try {
    const ending = await serve(fed.broken)
    return { ending: cut ?? ending, last: fed.release() }
  } finally {
    over = true
    socket.off('close', gone)
    fed.release()
    if (reader.bodyEnded) await pumping
  }
}

/** What was written reaches the client before the connection ends; bytes that still come are not answered with a reset. */
async function finish({ socket, reader }: LaneConnection, end: () => void): Promise<void> {
  if (!socket.destroyed) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LINGER)
      const done = (): void => {
        clearTimeout(timer)
        resolve()
      }
      socket.once('close', done)
      socket.end(() => {
        reader.release()
        socket.removeAllListeners('readable')
        socket.on('end', done)
        socket.resume()
        if (reader.ended || socket.readableEnded) done()
      })
    })
  }
  end()
}

/** milliseconds, as Envoy's delayed_close_timeout */
const LINGER = 1000
