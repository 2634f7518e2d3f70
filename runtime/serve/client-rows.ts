/**
 * Rows of km_client, as the slow path changes them: a connection goes back to the kernel with one exchange (program km_client_return), while a mark keeps the kernel
 * from answering a further request before the end of this answer is written. In: the instance's tables; out: both steps.
 * Invariant: a row is touched only while its socket is that of the connection.
 */
import { closeSync } from 'node:fs'
import { ANSWER_MARK } from '../../proto/http/holder-protocol.ts'
import { CLIENTS, client as layout, returnRequest } from '../../proto/http/sockets.ts'
import { fieldOf, packRow } from '../field.ts'
import type { OpenInstance } from '../held-generation.ts'
import { openPin } from '../sys/libbpf-pin.ts'
import { runProgram } from '../sys/libbpf-run.ts'
import { mapMemory } from '../sys/map-memory.ts'
import { newestPin } from './observe.ts'

export interface ClientRows {
  /** 1: the kernel has the connection again, but for the mark; `read`: bytes of it that user space has read in all. 0: more have come, nothing was changed */
  take(row: number, cookie: bigint, read: bigint): boolean
  /** The end of the answer is in TCP. */
  clear(row: number, cookie: bigint): void
  close(): void
}

const COOKIE = fieldOf(layout, 'cookie').offset
const UPSTREAM = fieldOf(layout, 'upstream').offset
const MARK = BigInt(ANSWER_MARK)
const RETURN = 'km_client_return'

export function openClientRows({ pins, tables }: OpenInstance): ClientRows {
  const { values, unmap } = mapMemory(tables.fd('km_client'), CLIENTS * layout.size)
  let program: number | undefined
  let state: 'open' | 'closed' = 'open'
  const at = (row: number): number => (row % CLIENTS) * layout.size
  const isOf = (row: number, cookie: bigint): boolean => state === 'open' && values.getBigUint64(at(row) + COOKIE, true) === cookie
  const find = (): number | undefined => {
    if (program === undefined) {
      const path = newestPin(pins, RETURN)
      if (path !== undefined) program = openPin(path)
    }
    return program
  }
  return {
    take: (row, cookie, read) => {
      const fd = state === 'open' ? find() : undefined
      if (fd === undefined || !isOf(row, cookie) || values.getBigUint64(at(row) + UPSTREAM, true) !== 0n) return false
      values.setBigUint64(at(row) + UPSTREAM, MARK, true)
      if (runProgram(fd, packRow(returnRequest, { cookie, row, passed: read })) === 1) return true
      values.setBigUint64(at(row) + UPSTREAM, 0n, true)
      return false
    },
    clear: (row, cookie) => {
      if (isOf(row, cookie)) values.setBigUint64(at(row) + UPSTREAM, 0n, true)
    },
    close: () => {
      if (state === 'closed') return
      state = 'closed'
      if (program !== undefined) closeSync(program)
      program = undefined
      unmap()
    },
  }
}
