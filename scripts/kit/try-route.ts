/**
 * Requests through km_route in the kernel, without a socket (try-route.c). In: tables of an epoch and requests as text. Out: what km_route says of each.
 * Invariant: nothing is pinned or attached; everything is gone after close().
 */
import { closeSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HttpTables } from '../../compiler/lower/http/lowered.ts'
import { openToolchain } from '../../compiler/emit/clang.ts'
import { HTTP_ROW_SIZE, nameKey } from '../../proto/http/tables.ts'
import { innerShape, mapSpec, outerShape } from '../../runtime/table-shape.ts'
import { loadObjectFromMemory } from '../../runtime/sys/libbpf.ts'
import { arrayKeys, createMap, u32, update, updateAll } from '../../runtime/sys/libbpf-map.ts'
import { programInfo } from '../../runtime/sys/libbpf-program.ts'
import { runProgram } from '../../runtime/sys/libbpf-run.ts'
import { cutHead } from './cut-head.ts'

export interface RouteTrial {
  /** `service`: row in km_http. Undefined: the parser of heads would not let it pass. `repeat`: how often it is routed, for the time */
  ask(head: string, asked: RouteQuestion): RouteAnswer
  readonly verifiedInstructions: number
  close(): void
}

export interface RouteQuestion {
  readonly service: number
  readonly random?: bigint
  /** 16 bytes */
  readonly source?: Uint8Array
  readonly repeat?: number
}

export interface RouteAnswer {
  readonly verdict: 'routed' | 'slow'
  /** row of km_route; 0: none */
  readonly route: number
  readonly action: number
  readonly reason: number
  /** local state index of the route; 0: none */
  readonly state: number
  /** of one time */
  readonly nanoseconds: number
}

const PROGRAM = join(import.meta.dirname, 'try-route.c')
const CONTEXT_BYTES = 32
const INPUT = {
  service: 4,
  random: 8,
  source: 16,
  headLength: 32,
  parts: 36,
  lines: 50,
  line: 52,
  lineBytes: 12,
  head: 820,
  size: 4984,
} as const
const EPOCH = 1
const ROUTED = 0

/** The tables of an epoch and what a trial needs besides, by name. `own` keeps descriptors until they are closed. */
export function trialMaps(tables: HttpTables, own: (fd: number) => number): Map<string, number> {
  const outer = (name: string, count: number, fill: (fd: number) => void): number => {
    const spec = mapSpec(name)
    const inner = own(createMap(innerShape(spec, count)))
    fill(inner)
    const fd = own(createMap({ ...outerShape(spec), innerFd: inner }))
    update(fd, u32(EPOCH), u32(inner))
    return fd
  }
  const rows = tables.http.length / HTTP_ROW_SIZE
  const names = tables.name.keys.length / nameKey.size
  return new Map([
    ['km_http', outer('km_http', rows, (fd) => updateAll(fd, arrayKeys(rows), tables.http, rows))],
    ['km_name', outer('km_name', names, (fd) => updateAll(fd, tables.name.keys, tables.name.values, names))],
    ['km_scratch', own(createMap(outerShape(mapSpec('km_scratch'))))],
    ['km_try', own(createMap({ name: 'km_try', type: 'array', keySize: 4, valueSize: INPUT.size, maxEntries: 1 }))],
  ])
}

/** A row of km_try. */
export function trialInput(head: string, { service, random = 0n, source }: RouteQuestion): Buffer {
  const bytes = Buffer.alloc(INPUT.size)
  bytes.writeUInt32LE(EPOCH)
  bytes.writeUInt32LE(service, INPUT.service)
  bytes.writeBigUInt64LE(random, INPUT.random)
  if (source !== undefined) bytes.set(source, INPUT.source)
  const cut = cutHead(head)
  bytes.writeUInt32LE(head.length, INPUT.headLength)
  const parts = [cut.methodLength, cut.path, cut.pathLength, cut.query, cut.queryLength, cut.host, cut.hostLength, cut.lines.length]
  for (const [index, part] of parts.entries()) bytes.writeUInt16LE(part, INPUT.parts + index * 2)
  for (const [index, line] of cut.lines.entries()) {
    const fields = [line.line, line.name, line.nameLength, line.value, line.length]
    for (const [at, field] of fields.entries()) bytes.writeUInt16LE(field, INPUT.line + index * INPUT.lineBytes + at * 2)
  }
  bytes.write(head, INPUT.head, 'latin1')
  return bytes
}

/** Loads the program with the rights that the process has. */
export async function tryRoutes(tables: HttpTables): Promise<RouteTrial> {
  const built = await (await openToolchain()).compile(readFileSync(PROGRAM, 'utf8'))
  if (built.kind !== 'object') throw new Error(built.message)
  const opened: number[] = []
  const own = (fd: number): number => {
    opened.push(fd)
    return fd
  }
  const maps = trialMaps(tables, own)
  const object = loadObjectFromMemory(built.object, 'try-route', maps)
  const program = object.programs[0]
  if (program === undefined) throw new Error('no program')
  return {
    verifiedInstructions: programInfo(program.fd).verifiedInstructions,
    ask(head, question) {
      const { repeat = 1 } = question
      update(maps.get('km_try') ?? -1, u32(0), trialInput(head, question))
      const context = Buffer.alloc(CONTEXT_BYTES)
      context.writeUInt32LE(repeat)
      if (runProgram(program.fd, context) !== 0) throw new Error('the program did not run')
      return {
        verdict: context.readUInt32LE(4) === ROUTED ? 'routed' : 'slow',
        route: context.readUInt32LE(8),
        action: context.readUInt32LE(12),
        reason: context.readUInt32LE(16),
        state: context.readUInt32LE(20),
        nanoseconds: Number(context.readBigUInt64LE(24)) / repeat,
      }
    },
    close() {
      object.close()
      for (const fd of opened) closeSync(fd)
    },
  }
}
