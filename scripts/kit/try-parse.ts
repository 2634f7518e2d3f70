/**
 * Heads through the kernel's parser of requests, without a socket (try-parse.c). In: tables of an epoch, heads as text. Out: what the parser says of each.
 * Invariant: nothing is pinned or attached; everything is gone after close().
 */
import { closeSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openToolchain } from '../../compiler/emit/clang.ts'
import type { HttpTables } from '../../compiler/lower/http/lowered.ts'
import { loadObjectFromMemory } from '../../runtime/sys/libbpf.ts'
import { createMap, u32, update } from '../../runtime/sys/libbpf-map.ts'
import { programInfo } from '../../runtime/sys/libbpf-program.ts'
import { runProgram } from '../../runtime/sys/libbpf-run.ts'
import { trialMaps } from './try-route.ts'

export interface ParseTrial {
  /** `service`: row in km_http */
  ask(head: string, service: number): ParseAnswer
  readonly verifiedInstructions: number
  close(): void
}

export interface ParseAnswer {
  readonly result: 'more' | 'whole' | 'slow'
  /** SLOW_REASONS, where it is slow */
  readonly reason: number
  readonly headLength: number
  /** of one time, the mean of a few */
  readonly nanoseconds: number
}

const PROGRAM = join(import.meta.dirname, 'try-parse.c')
const CONTEXT_BYTES = 24
const INPUT = { service: 4, length: 8, head: 16, size: 16 + 4096 + 64 } as const
const EPOCH = 1
const RESULTS = ['more', 'whole', 'slow'] as const

/** Loads the program with the rights that the process has. */
export async function tryParse(tables: HttpTables): Promise<ParseTrial> {
  const built = await (await openToolchain()).compile(readFileSync(PROGRAM, 'utf8'))
  if (built.kind !== 'object') throw new Error(built.message)
  const opened: number[] = []
  const own = (fd: number): number => {
    opened.push(fd)
    return fd
  }
  const input = own(createMap({ name: 'km_try', type: 'array', keySize: 4, valueSize: INPUT.size, maxEntries: 1 }))
  const object = loadObjectFromMemory(built.object, 'try-parse', new Map([...trialMaps(tables, own), ['km_try', input]]))
  const program = object.programs[0]
  if (program === undefined) throw new Error('no program')
  return {
    verifiedInstructions: programInfo(program.fd).verifiedInstructions,
    ask(head, service) {
      const bytes = Buffer.alloc(INPUT.size)
      bytes.writeUInt32LE(EPOCH)
      bytes.writeUInt32LE(service, INPUT.service)
      bytes.writeUInt32LE(head.length, INPUT.length)
      bytes.write(head, INPUT.head, 'latin1')
      update(input, u32(0), bytes)
      const context = Buffer.alloc(CONTEXT_BYTES)
      if (runProgram(program.fd, context) !== 0) throw new Error('the program did not run')
      return {
        result: RESULTS[context.readUInt32LE(4)] as ParseAnswer['result'],
        reason: context.readUInt32LE(8),
        headLength: context.readUInt32LE(12),
        nanoseconds: Number(context.readBigUInt64LE(16)),
      }
    },
    close() {
      object.close()
      for (const fd of opened) closeSync(fd)
    },
  }
}
