/**
 * Connections that the holder hands over, as the slow path sees them. In: messages of the holder with their descriptors; out: SlowConnection, SlowRelay.
 * Invariant: the holder is told exactly once what became of each, also where the slow path only let go of the socket (then it is reset: nobody knows
 * what the client has had).
 */
import { Socket } from 'node:net'
import { addressText } from '../../proto/address/address-text.ts'
import {
  CONNECTION_BODILESS,
  CONNECTION_EARLY,
  CONNECTION_LAST,
  CONNECTION_LATE,
  CONNECTION_LOST,
} from '../../proto/http/holder-protocol.ts'
import { DRAWN_NOTHING, DRAWN_PASSED, DRAWN_STOPPED } from '../../proto/http/falling.ts'
import { sendKeepingBack, sendKept } from '../sys/libc.ts'
import { SystemError } from '../sys/system-error.ts'
import type { ClientRows } from './client-rows.ts'
import type { EditRows } from './edit-rows.ts'
import type { HolderLink, HolderMessage } from './holder-link.ts'
import type { KeptRows } from './kept-rows.ts'
import type { Drawn, SlowConnection, SlowRelay } from './slow-lane.ts'

/** What the kernel says of connections and responses, beside the holder's messages. */
export interface HandedRows {
  readonly rows: ClientRows
  readonly edits: EditRows
  readonly kept: KeptRows
}

/** What is in user space's hands. */
export interface Handed {
  connection(message: HolderMessage, descriptor: number): SlowConnection
  relay(message: HolderMessage, upstream: number, client: number): SlowRelay
  readonly count: number
  /** Whether anything is still here of what is here now. */
  underWay(): () => boolean
}

export function createHanded(link: HolderLink, { rows, edits, kept }: HandedRows): Handed {
  // by what was handed over, not by the connection: the same one may be here again before the socket of the time before has closed
  const open = new Set<object>()

  function connection(message: HolderMessage, descriptor: number): SlowConnection {
    const id = message.connection
    const socket = openSocket(descriptor)
    const own = {}
    open.add(own)
    const settle = (kind: 'returned' | 'closed', values: Readonly<Record<string, number | bigint>>): void => {
      if (!open.delete(own)) return
      socket.destroy()
      link.send(kind, { ...values, connection: id })
    }
    const giveBack = (written: number): void => settle('returned', { bytes: socket.bytesRead, written })
    const fastLane = (message.flags & CONNECTION_EARLY) === 0 ? 'possible' : 'never'
    socket.once('close', () => settle('closed', { number: RESET }))
    socket.on('error', () => undefined)
    return {
      socket,
      asked: { address: addressText(message.address), port: message.port },
      client: { address: addressText(message.source), port: message.sourcePort },
      netns: message.netns,
      reason: message.reason,
      drawn: drawnOf(message),
      fastLane,
      id,
      // bytes that were read and that nobody has looked at would be lost: not clean after all
      giveBack: () => (socket.readableLength === 0 ? giveBack(socket.bytesWritten) : settle('closed', { number: RESET })),
      finish: (last) => {
        const read = message.bytes + BigInt(socket.bytesRead)
        const clean = fastLane === 'possible' && !socket.destroyed && socket.readableLength === 0 && socket.writableLength === 0
        if (!clean || !rows.take(message.count, id, read)) {
          socket.write(last)
          return 'written'
        }
        const before = socket.bytesWritten
        const sent = sendAtOnce(descriptor, last)
        if (sent < last.length) {
          socket.write(last.subarray(sent), () => {
            rows.clear(message.count, id)
            giveBack(before + last.length)
          })
          return 'returned'
        }
        // a client that asks as soon as it has its answer must not find the mark: it gets the end of the answer when the mark is gone
        rows.clear(message.count, id)
        if (sent > 0) sendKept(descriptor)
        giveBack(before + last.length)
        return 'returned'
      },
      end: (how) => {
        if (how === 'reset' || socket.destroyed || socket.writableFinished) settle('closed', { number: how === 'reset' ? RESET : IN_ORDER })
        else socket.end(() => settle('closed', { number: IN_ORDER }))
      },
    }
  }

  return {
    connection,
    relay: (message, upstreamDescriptor, clientDescriptor) => {
      const upstream = openSocket(upstreamDescriptor)
      upstream.on('error', () => undefined)
      let settled = false
      const given = connection(message, clientDescriptor)
      return {
        connection: given,
        upstream,
        method: (message.flags & CONNECTION_BODILESS) === 0 ? 'other' : 'HEAD',
        asked: (message.flags & CONNECTION_LAST) === 0 ? 'to go on' : 'to close',
        state: message.state,
        edits: edits.read(message.number),
        kept: kept.read(message.kept, message.upstream),
        want: (message.flags & CONNECTION_LOST) !== 0 ? 'lost' : (message.flags & CONNECTION_LATE) !== 0 ? 'late' : undefined,
        done: (how) => {
          if (settled) return
          settled = true
          upstream.destroy()
          link.send('relayed', { upstream: message.upstream, number: how === 'reuse' ? 0 : 1 })
        },
      }
    },
    get count() {
      return open.size
    },
    underWay: () => {
      const now = [...open]
      return () => now.some((own) => open.has(own))
    },
  }
}

function drawnOf({ drawn, random }: HolderMessage): Drawn | undefined {
  if (drawn === DRAWN_NOTHING) return undefined
  return { random, filters: drawn === DRAWN_PASSED ? 'passed' : drawn === DRAWN_STOPPED ? 'stopped' : 'open' }
}

const IN_ORDER = 0
const RESET = 1

/** Bytes that went into the socket without waiting. */
function sendAtOnce(descriptor: number, bytes: Uint8Array): number {
  try {
    return sendKeepingBack(descriptor, bytes)
  } catch (error) {
    if (error instanceof SystemError) return 0
    throw error
  }
}

/** Paused: what is in it stays there until somebody reads. */
function openSocket(descriptor: number): Socket {
  const options = { fd: descriptor, allowHalfOpen: true, readable: true, writable: true, pauseOnCreate: true }
  return new Socket(options)
}
