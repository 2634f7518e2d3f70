/**
 * Requests through km_route and km_act in the kernel, without a socket (try-act.c). In: tables of an epoch and requests as text. Out: what becomes of each: the cluster
 * and the head that it gets, or the reply. Invariant: nothing is pinned or attached; everything is gone after close().
 */
import { closeSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { openToolchain } from '../../compiler/emit/clang.ts'
import type { HttpTables } from '../../compiler/lower/http/lowered.ts'
import { STATE_SHARD_ROWS } from '../../proto/abi.ts'
import { MAPS } from '../../proto/maps.ts'
import { CLOCK_BYTES, SCRATCH_BYTES } from '../../proto/http/sockets.ts'
import { loadObjectFromMemory } from '../../runtime/sys/libbpf.ts'
import { createMap, lookup, u32, update } from '../../runtime/sys/libbpf-map.ts'
import { programInfo } from '../../runtime/sys/libbpf-program.ts'
import { loadStorageTypes } from '../../runtime/sys/libbpf-btf.ts'
import { runProgram } from '../../runtime/sys/libbpf-run.ts'
import { innerShape, outerShape } from '../../runtime/table-shape.ts'
import { cutHead } from './cut-head.ts'
import { type RouteQuestion, trialInput, trialMaps } from './try-route.ts'

export interface ActTrial {
  ask(head: string, asked: ActQuestion): ActAnswer
  readonly verifiedInstructions: number
  close(): void
}

export interface ActQuestion extends RouteQuestion {
  /** forwards are answered as if their cluster had no endpoint */
  readonly noEndpoint?: true
  readonly sourcePort?: number
  /** 16 bytes */
  readonly asked?: Uint8Array
  readonly askedPort?: number
  /** the client said "connection: close" */
  readonly close?: true
}

interface Measured {
  readonly hash: bigint | undefined
  /** milliseconds */
  readonly timeout: number
  readonly actNanoseconds: number
  readonly composeNanoseconds: number
}

/** `text`: the head that is sent, as it came or another one; or the whole reply. One character a byte. */
export type ActAnswer =
  | ({ readonly kind: 'forward'; readonly cluster: number; readonly text: string; readonly same: boolean } & Measured)
  | { readonly kind: 'reply'; readonly text: string }
  | { readonly kind: 'slow'; readonly reason: number }

/** What km_clock holds here. */
export const TRIAL_DATE = 'Thu, 01 Jan 1970 00:00:00 GMT'

const PROGRAM = join(import.meta.dirname, 'try-act.c')
const CONTEXT = {
  what: 0,
  repeat: 4,
  flags: 8,
  hostLine: 12,
  headers: 14,
  sourcePort: 16,
  askedPort: 18,
  asked: 20,
  out: 36,
  size: 96,
} as const
const FLAGS = { close: 1, isHead: 4, grpc: 8 } as const
const VERDICTS = { forward: 1, reply: 2 } as const
const NO_ENDPOINT = 1
/** Times that a head is composed where `repeat` is more than 1. */
const COMPOSED = 32
const DECLARED: ReadonlySet<string> = new Set(
  [...readFileSync(join(import.meta.dirname, '../../bpf/lib/maps.h'), 'utf8').matchAll(/^} (\w+) SEC/gm)].map(([, name = '']) => name),
)
  .add('km_clock')
  // decided.h
  .add('km_monitor')
  .add('km_decisions')

/** Loads the program with the rights that the process has. */
export async function tryActs(tables: HttpTables): Promise<ActTrial> {
  const built = await (await openToolchain()).compile(readFileSync(PROGRAM, 'utf8'))
  if (built.kind !== 'object') throw new Error(built.message)
  const opened: number[] = []
  const own = (fd: number): number => {
    opened.push(fd)
    return fd
  }
  const maps = trialMaps(tables, own)
  // the others of maps.h are declared, too
  for (const spec of MAPS) {
    if (maps.has(spec.name) || !DECLARED.has(spec.name)) continue
    const inner =
      spec.type === 'array_of_maps' ? own(createMap(innerShape(spec, spec.name === 'km_state' ? STATE_SHARD_ROWS : 1))) : undefined
    const btf = spec.type === 'sk_storage' ? loadStorageTypes(spec.valueSize) : undefined
    const fd = own(createMap({ ...outerShape(spec), ...(inner !== undefined && { innerFd: inner }), ...(btf !== undefined && { btf }) }))
    if (btf !== undefined) closeSync(btf.fd)
    maps.set(spec.name, fd)
    if (spec.name === 'km_state' && inner !== undefined) update(fd, u32(0), u32(inner))
  }
  const date = Buffer.alloc(CLOCK_BYTES)
  date.write(TRIAL_DATE, 'latin1')
  update(maps.get('km_clock') ?? -1, u32(0), date)
  const object = loadObjectFromMemory(built.object, 'try-act', maps)
  const program = object.programs.find(({ name }) => name === 'try_act')
  if (program === undefined) throw new Error('no program')
  const scratch = maps.get('km_scratch') ?? -1
  const rows = Buffer.alloc(SCRATCH_BYTES * cpus().length)
  return {
    verifiedInstructions: programInfo(program.fd).verifiedInstructions,
    ask(head, asked) {
      update(maps.get('km_try') ?? -1, u32(0), trialInput(head, asked))
      const context = contextOf(head, asked)
      if (runProgram(program.fd, context) !== 0) throw new Error('the program did not run')
      const [cpu, verdict, , cluster, reason, hashed, length, timeout, out] = Array.from({ length: 9 }, (_, index) =>
        context.readUInt32LE(CONTEXT.out + index * 4),
      )
      const text = (): string => {
        lookup(scratch, u32(0), rows)
        const from = (cpu ?? 0) * SCRATCH_BYTES + (out ?? 0)
        return rows.toString('latin1', from, from + (length ?? 0))
      }
      if (verdict === VERDICTS.reply) return { kind: 'reply', text: text() }
      if (verdict !== VERDICTS.forward) return { kind: 'slow', reason: reason ?? -1 }
      return {
        kind: 'forward',
        cluster: cluster ?? -1,
        text: length === 0 ? head : text(),
        same: length === 0,
        hash: hashed === 0 ? undefined : context.readBigUInt64LE(72),
        timeout: timeout ?? 0,
        actNanoseconds: Number(context.readBigUInt64LE(80)),
        composeNanoseconds: Number(context.readBigUInt64LE(88)) / (asked.repeat === undefined ? 1 : COMPOSED),
      }
    },
    close() {
      object.close()
      for (const fd of opened) closeSync(fd)
    },
  }
}

function contextOf(head: string, { noEndpoint, sourcePort = 0, asked, askedPort = 0, close, repeat = 1 }: ActQuestion): Buffer {
  const context = Buffer.alloc(CONTEXT.size)
  const { lines } = cutHead(head)
  const grpc = lines.some(
    ({ name, nameLength, value, length }) =>
      head.slice(name, name + nameLength).toLowerCase() === 'content-type' &&
      /^application\/grpc(?:$|\+)/.test(head.slice(value, value + length)),
  )
  context.writeUInt32LE(noEndpoint === true ? NO_ENDPOINT : 0, CONTEXT.what)
  context.writeUInt32LE(repeat, CONTEXT.repeat)
  context.writeUInt32LE(
    (head.startsWith('HEAD ') ? FLAGS.isHead : 0) | (grpc ? FLAGS.grpc : 0) | (close === true ? FLAGS.close : 0),
    CONTEXT.flags,
  )
  context.writeUInt16LE(head.search(/\r\nhost:/i) + 2, CONTEXT.hostLine)
  context.writeUInt16LE(head.indexOf('\r\n') + 2, CONTEXT.headers)
  context.writeUInt16LE(sourcePort, CONTEXT.sourcePort)
  context.writeUInt16LE(askedPort, CONTEXT.askedPort)
  if (asked !== undefined) context.set(asked, CONTEXT.asked)
  return context
}
