/**
 * The line to a holder. In: its socket; out: messages in both directions (proto/http/holder-protocol.ts), and answers to questions as promises.
 * Messages come through a seqpacket socket, and a byte through the doorbell for each, which wakes Node.
 * Invariant: a descriptor that comes for nobody is closed.
 */
import { Socket } from 'node:net'
import {
  HOLDER_COUNTERS,
  HOLDER_MESSAGES,
  HOLDER_ROLES,
  type HolderCounter,
  type HolderMessageName,
  holderMessage,
} from '../../proto/http/holder-protocol.ts'
import { coded } from '../coded-error.ts'
import { fieldOf, packRow, rowReader } from '../field.ts'
import { closeDescriptor } from '../sys/libc.ts'
import { connectSeqpacket, receiveMessage, sendMessage } from '../sys/seqpacket.ts'
import { isErrno, SystemError } from '../sys/system-error.ts'
import { holderDigest } from './holder-digest.ts'
import { holderSocket } from './holder-place.ts'

type Values = Parameters<typeof packRow>[1]

export interface HolderMessage {
  readonly kind: HolderMessageName | 'unknown'
  readonly number: number
  readonly connection: bigint
  readonly upstream: bigint
  readonly netns: bigint
  readonly bytes: bigint
  readonly state: number
  readonly count: number
  readonly reason: number
  readonly flags: number
  /** 16 bytes each */
  readonly address: Uint8Array
  readonly source: Uint8Array
  readonly port: number
  readonly sourcePort: number
  /** row in km_kept + 1; 0: none */
  readonly kept: number
  /** DRAWN_* */
  readonly drawn: number
  readonly random: bigint
  readonly counters: Readonly<Record<HolderCounter, number>>
}

export interface HolderLink {
  /** process id */
  readonly pid: number
  send(kind: HolderMessageName, values?: Values, descriptors?: readonly number[]): void
  /** Sends with a number and waits for the message that carries it; rejects with SystemError for `failed`, and when the line ends. */
  ask(
    kind: HolderMessageName,
    values?: Values,
    descriptors?: readonly number[],
  ): Promise<{ readonly message: HolderMessage; readonly descriptors: readonly number[] }>
  close(): void
}

export interface LinkEvents {
  /** descriptors are the callee's */
  message(message: HolderMessage, descriptors: readonly number[]): void
  /** the holder is gone, or `close` was called */
  end(): void
}

const NAMES: ReadonlyMap<number, HolderMessageName> = new Map(
  Object.entries(HOLDER_MESSAGES).map(([name, kind]) => [kind, name as HolderMessageName]),
)
const RETRY = 1

/** null: no holder listens. Throws KM9302 when it is another version's. */
export async function connectHolder(instance: string, role: keyof typeof HOLDER_ROLES, events: LinkEvents): Promise<HolderLink | null> {
  const fd = tryConnect(holderSocket(instance))
  if (fd === null) return null
  return new Promise((resolve, reject) => open(fd, role, events, resolve, reject, instance))
}

function tryConnect(path: string): number | null {
  try {
    return connectSeqpacket(path)
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ECONNREFUSED')) return null
    throw error
  }
}

interface Asked {
  resolve(answer: { readonly message: HolderMessage; readonly descriptors: readonly number[] }): void
  reject(error: Error): void
}

function open(
  fd: number,
  role: keyof typeof HOLDER_ROLES,
  events: LinkEvents,
  opened: (link: HolderLink) => void,
  failed: (error: Error) => void,
  instance: string,
): void {
  const asked = new Map<number, Asked>()
  const waiting: { readonly bytes: Buffer; readonly descriptors: readonly number[] }[] = []
  let number = 0
  let bell: Socket | undefined
  let state: 'greeting' | 'open' | 'closed' = 'greeting'

  const close = (): void => {
    if (state === 'closed') return
    const before = state
    state = 'closed'
    bell?.destroy()
    closeDescriptor(fd)
    for (const one of asked.values()) one.reject(new SystemError({ call: 'holder', errno: ECONNRESET }))
    asked.clear()
    if (before === 'open') events.end()
  }
  const flush = (): void => {
    while (state !== 'closed' && waiting[0] !== undefined) {
      try {
        if (sendMessage(fd, waiting[0].bytes, waiting[0].descriptors) === 'later') {
          setTimeout(flush, RETRY)
          return
        }
        waiting.shift()
      } catch {
        close()
      }
    }
  }
  const post = (kind: HolderMessageName, values: Values, descriptors: readonly number[]): void => {
    waiting.push({ bytes: packRow(holderMessage, { ...values, kind: HOLDER_MESSAGES[kind] }), descriptors })
    // a queue that is not empty has a timer of its own
    if (waiting.length === 1) flush()
  }
  const link = (pid: number): HolderLink => ({
    pid,
    send: (kind, values = {}, descriptors = []) => {
      if (state === 'open') post(kind, values, descriptors)
    },
    ask: (kind, values = {}, descriptors = []) =>
      new Promise((resolve, reject) => {
        if (state !== 'open') {
          reject(new SystemError({ call: 'holder', errno: ECONNRESET }))
          return
        }
        number = (number + 1) >>> 0
        asked.set(number, { resolve, reject })
        post(kind, { ...values, number }, descriptors)
      }),
    close,
  })
  const receive = (message: HolderMessage, descriptors: readonly number[]): void => {
    const waits = ANSWERS.has(message.kind) ? asked.get(message.number) : undefined
    if (waits !== undefined) {
      asked.delete(message.number)
      if (message.kind === 'failed') waits.reject(new SystemError({ call: 'holder', errno: message.count }))
      else waits.resolve({ message, descriptors })
    } else if (ANSWERS.has(message.kind)) descriptors.forEach(closeDescriptor)
    else events.message(message, descriptors)
  }
  const drain = (): void => {
    const bytes = Buffer.alloc(holderMessage.size)
    while (state !== 'closed') {
      const got = receiveMessage(fd, bytes)
      if (got.kind === 'nothing') return
      if (got.kind === 'end') close()
      else if (got.length !== bytes.length) got.descriptors.forEach(closeDescriptor)
      else receive(readMessage(Buffer.from(bytes)), got.descriptors)
    }
  }
  const greet = (attempt: number): void => {
    const bytes = Buffer.alloc(holderMessage.size)
    const got = receiveMessage(fd, bytes)
    if (got.kind === 'nothing' && attempt < GREETING_ATTEMPTS) {
      setTimeout(() => greet(attempt + 1), GREETING_PAUSE)
      return
    }
    const message = got.kind === 'message' ? readMessage(bytes) : undefined
    const descriptor = got.kind === 'message' ? got.descriptors[0] : undefined
    if (message?.kind !== 'welcome' || descriptor === undefined) {
      close()
      failed(
        coded(
          'KM9302',
          `the holder of instance "${instance}" ${message?.kind === 'mismatch' ? 'is that of another version' : 'does not answer'}`,
        ),
      )
      return
    }
    state = 'open'
    bell = new Socket({ fd: descriptor, readable: true, writable: false })
    bell.on('data', drain)
    bell.on('error', close)
    bell.on('close', () => {
      drain()
      close()
    })
    opened(link(message.number))
    drain()
  }
  post('hello', { number: HOLDER_ROLES[role], digest: holderDigest() }, [])
  greet(0)
}

const ECONNRESET = 104
const GREETING_ATTEMPTS = 500
const GREETING_PAUSE = 10
const ANSWERS: ReadonlySet<HolderMessageName | 'unknown'> = new Set(['listening', 'failed', 'opened', 'counters'])
const COUNTERS = fieldOf(holderMessage, 'counters').offset

function readMessage(bytes: Buffer): HolderMessage {
  const read = rowReader(holderMessage, bytes)
  const big = (field: string): bigint => read.big(0, field)
  const small = (field: string): number => read.number(0, field)
  return {
    kind: NAMES.get(small('kind')) ?? 'unknown',
    number: small('number'),
    connection: big('connection'),
    upstream: big('upstream'),
    netns: big('netns'),
    bytes: big('bytes'),
    state: small('state'),
    count: small('count'),
    reason: small('reason'),
    flags: small('flags'),
    address: read.bytes(0, 'address'),
    source: read.bytes(0, 'source'),
    port: small('port'),
    sourcePort: small('source_port'),
    kept: small('kept'),
    drawn: small('drawn'),
    random: big('random'),
    counters: Object.fromEntries(
      HOLDER_COUNTERS.map((name, index) => [name, Number(bytes.readBigUInt64LE(COUNTERS + index * 8))]),
    ) as unknown as Record<HolderCounter, number>,
  }
}
