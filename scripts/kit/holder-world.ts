/**
 * A holder with the maps of an instance and no programs: the test is the kernel. In: a name; out: its tables, clients that it accepts, events that it gets, and
 * Nodes that it talks to. Invariant: `end` leaves nothing; neither does the end of this process.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { openToolchain } from '../../compiler/emit/clang.ts'
import { STATE_SHARD_ROWS, state as stateLayout } from '../../proto/abi.ts'
import { type Field, get, get64, type Layout, put } from '../../proto/layout.ts'
import { CLIENTS, client as clientLayout, clientAddressKey, clientPlace, event as eventLayout } from '../../proto/http/sockets.ts'
import { clearInstance } from '../../runtime/clear.ts'
import { fieldOf, packRow } from '../../runtime/field.ts'
import { claimPlace, existingPins } from '../../runtime/place.ts'
import type { ClientRows } from '../../runtime/serve/client-rows.ts'
import { createHanded, type Handed } from '../../runtime/serve/handed.ts'
import { holderLog } from '../../runtime/serve/holder-place.ts'
import { connectHolder, type HolderLink, type HolderMessage } from '../../runtime/serve/holder-link.ts'
import { sweepAfter } from '../../runtime/serve/retire-holder.ts'
import type { SlowConnection, SlowRelay } from '../../runtime/serve/slow-lane.ts'
import { startHolder } from '../../runtime/serve/start-holder.ts'
import { closeDescriptor } from '../../runtime/sys/libc.ts'
import { loadObjectFromMemory } from '../../runtime/sys/libbpf.ts'
import { createMap, u32, update } from '../../runtime/sys/libbpf-map.ts'
import { pin } from '../../runtime/sys/libbpf-pin.ts'
import { runProgram } from '../../runtime/sys/libbpf-run.ts'
import { withMapMemory } from '../../runtime/sys/map-memory.ts'
import { stateShardShape } from '../../runtime/table-shape.ts'
import { createTables, type Tables } from '../../runtime/tables.ts'
import { createUndo } from '../../runtime/undo.ts'
import { buildCheckedHolder } from './build-holder.ts'
import { undoAtExit } from './cleanup.ts'
import { ipOf } from './small-program.ts'

type Values = Readonly<Record<string, number | bigint | Uint8Array>>

/** One Node, as the holder sees it. */
export interface Desk {
  readonly link: HolderLink
  readonly handed: Handed
  /** of all messages that came */
  readonly kinds: readonly string[]
  connection(): Promise<SlowConnection>
  relay(): Promise<SlowRelay>
  readonly ended: Promise<void>
}

export interface KnownClient {
  readonly cookie: bigint
  readonly row: number
}

export interface WorldClient extends KnownClient {
  readonly socket: Socket
}

export interface AwaitedClient extends KnownClient {
  connect(): Promise<WorldClient>
}

export interface HolderWorld {
  readonly tables: Tables
  readonly desk: Desk
  readonly netns: bigint
  readonly port4: number
  readonly port6: number
  newDesk(): Promise<Desk>
  /** A client as the connect hook and km_request would have left it, connected from `port`. `values`: fields of its km_client row */
  client(port: number, values: Values): Promise<WorldClient>
  /** The same for one whose connection the holder does not have yet. */
  awaited(port: number, values: Values): AwaitedClient
  /** What a program would tell. */
  tell(values: Values): void
  /** Fields of a row of a mapped table. */
  row(map: string, layout: Layout, index: number): Row
  /** Fields of a row of km_state. */
  state(id: number): Row
  end(): Promise<void>
}

export interface Row {
  get(field: string, index?: number): bigint
  set(values: Readonly<Record<string, number | bigint>>): void
}

export const WORLD_ASKED = '127.96.24.1'
export const WORLD_ASKED_PORT = 24001

export async function makeHolderWorld(instance: string): Promise<HolderWorld> {
  const place = claimPlace(instance)
  const undo = createUndo()
  const tables = createTables(place.pins, undo)
  const shard = createMap(stateShardShape())
  mkdirSync(place.pins.states)
  pin(shard, place.pins.state(0))
  const told = await (await openToolchain()).compile(readFileSync(join(import.meta.dirname, 'tell-holder.c'), 'utf8'))
  if (told.kind !== 'object') throw new Error(told.message)
  const teller = loadObjectFromMemory(told.object, 'tell-holder', new Map([['km_events', tables.fd('km_events')]])).programs[0]
  if (teller === undefined) throw new Error('no program')
  // what it has at its end it gives back by ending
  process.env.ASAN_OPTIONS = 'detect_leaks=0'
  await startHolder(instance, place.pins, buildCheckedHolder())
  const desk = await openDesk(instance)
  void desk.ended.then(() => failAtFault(instance))
  const forget = undoAtExit(() => {
    try {
      process.kill(desk.link.pid, 'SIGTERM')
    } catch {
      // it has ended
    }
    if (existingPins(instance) === null) return
    clearInstance(place.pins)
    place.release()
  })
  const { message: listening } = await desk.link.ask('listen')
  let cookie = 1_000_000n

  const rowIn = (fd: number, layout: Layout, index: number, rows: number): Row => {
    const within = <T>(work: (view: DataView) => T): T => {
      let result: T | undefined
      withMapMemory(fd, layout.size * rows, (view) => {
        result = work(view)
      })
      return result as T
    }
    const field = (name: string): Field => fieldOf(layout, name)
    return {
      get: (name, at = 0) =>
        within((view) =>
          field(name).type === 'u64'
            ? get64(view, index * layout.size, field(name), at)
            : BigInt(get(view, index * layout.size, field(name), at)),
        ),
      set: (values) =>
        within((view) => {
          for (const [name, value] of Object.entries(values)) put(view, index * layout.size, field(name), value)
        }),
    }
  }

  const awaited = (port: number, values: Values): AwaitedClient => {
    const own = ++cookie
    const row = Number(own % BigInt(CLIENTS))
    const known = { cookie: own, netns: listening.netns, asked: ipOf(WORLD_ASKED), asked_port: WORLD_ASKED_PORT, ...values }
    update(tables.fd('km_client'), u32(row), packRow(clientLayout, known))
    const key = packRow(clientAddressKey, { netns: listening.netns, address: ipOf('127.0.0.1'), port })
    update(tables.fd('km_client_by_address'), key, packRow(clientPlace, { cookie: own, row }))
    const dial = async (): Promise<WorldClient> => {
      const socket = connect({ host: '127.0.0.1', port: listening.port, localPort: port, allowHalfOpen: true })
      socket.on('error', () => undefined)
      await new Promise((resolve) => socket.once('connect', resolve))
      return { socket, cookie: own, row }
    }
    return { cookie: own, row, connect: dial }
  }

  return {
    tables,
    desk,
    netns: listening.netns,
    port4: listening.port,
    port6: listening.sourcePort,
    newDesk: () => openDesk(instance),
    client: (port, values) => awaited(port, values).connect(),
    awaited,
    tell: (values) => {
      if (runProgram(teller.fd, packRow(eventLayout, values)) !== 0) throw new Error('the ring is full')
    },
    row: (map, layout, index) => rowIn(tables.fd(map), layout, index, index + 1),
    state: (id) => rowIn(shard, stateLayout, id, STATE_SHARD_ROWS),
    end: async () => {
      desk.link.send('drain', { count: 0 })
      await desk.ended
      closeDescriptor(shard)
      tables.close()
      forget()
      await sweepAfter(instance)
    },
  }
}

async function openDesk(instance: string): Promise<Desk> {
  const connections = queue<SlowConnection>()
  const relays = queue<SlowRelay>()
  const kinds: string[] = []
  let ready = (_: Handed): void => undefined
  const started = new Promise<Handed>((resolve) => {
    ready = resolve
  })
  let end = (): void => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const receive = (message: HolderMessage, descriptors: readonly number[], handed: Handed): void => {
    const [first, second] = descriptors
    if (message.kind === 'connection' && first !== undefined) connections.put(handed.connection(message, first))
    else if (message.kind === 'relay' && first !== undefined && second !== undefined) relays.put(handed.relay(message, first, second))
    else descriptors.forEach(closeDescriptor)
  }
  const link = await connectHolder(instance, 'serve', {
    message: (message, descriptors) => {
      kinds.push(message.kind)
      void started.then((handed) => receive(message, descriptors, handed))
    },
    end,
  })
  if (link === null) throw new Error('no holder listens')
  const handed = createHanded(link, { rows: NO_PROGRAM, edits: NO_ROWS, kept: NO_ROWS })
  ready(handed)
  return { link, handed, kinds, connection: connections.take, relay: relays.take, ended }
}

/** Nobody takes a connection back: there is no program. */
const NO_PROGRAM: ClientRows = { take: () => false, clear: () => undefined, close: () => undefined }

const NO_ROWS = { read: () => undefined, close: () => undefined }

interface Queue<T> {
  put(item: T): void
  take(): Promise<T>
}

function queue<T>(): Queue<T> {
  const items: T[] = []
  const takers: ((item: T) => void)[] = []
  return {
    put: (item) => {
      const taker = takers.shift()
      if (taker === undefined) items.push(item)
      else taker(item)
    },
    take: () => {
      const item = items.shift()
      return item === undefined ? new Promise((resolve) => takers.push(resolve)) : Promise.resolve(item)
    },
  }
}

/** Milliseconds for whatever a test waits for. */
const PATIENCE = 10_000

/** Rejects when none come within ten seconds. */
export const nextBytes = (socket: Socket): Promise<string> =>
  new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('no bytes came')), PATIENCE)
    socket.once('data', (bytes: Buffer) => {
      clearTimeout(late)
      resolve(bytes.toString('latin1'))
    })
  })

/** A holder that a fault of memory ended: nothing that a test waits for will come. */
function failAtFault(instance: string): void {
  const log = existsSync(holderLog(instance)) ? readFileSync(holderLog(instance), 'utf8') : ''
  if (!/Sanitizer|runtime error/.test(log)) return
  process.stderr.write(log)
  process.exit(1)
}

/** How the other end closed. */
export const endOf = (socket: Socket): Promise<'close' | 'reset'> =>
  new Promise((resolve) => {
    socket.resume()
    socket.once('error', () => resolve('reset'))
    socket.once('end', () => resolve('close'))
  })

/** Throws when it does not come true within ten seconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
