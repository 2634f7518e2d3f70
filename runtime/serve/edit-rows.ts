/**
 * What becomes of the head of a response that the kernel has left to user space. In: the instance's km_edit, the number of a row. Out: its edits, as data.
 * Invariant: the row belongs to an upstream that user space holds, so it does not change meanwhile.
 */
import {
  EDIT_ALWAYS,
  EDIT_DROP,
  EDIT_IF_THERE,
  EDIT_NAMES_MAX,
  EDIT_PARTS_MAX,
  EDIT_STATUS,
  EDITS,
  edit,
  editName,
  editPart,
  edits,
} from '../../proto/http/editing.ts'
import { fieldOf } from '../field.ts'
import type { OpenInstance } from '../held-generation.ts'
import { mapMemory } from '../sys/map-memory.ts'
import type { ResponseEdits } from './slow-lane.ts'

export interface EditRows {
  /** `number`: of the row, from 1; 0: none */
  read(number: number): ResponseEdits | undefined
  close(): void
}

const BLOCK = fieldOf(edit, 'rows').offset

export function openEditRows({ tables }: OpenInstance): EditRows {
  const { values, unmap } = mapMemory(tables.fd('km_edit'), EDITS * edit.size)
  let state: 'open' | 'closed' = 'open'
  return {
    read: (number) => (state === 'closed' || number === 0 ? undefined : readEdits(values, ((number - 1) % EDITS) * edit.size + BLOCK)),
    close() {
      if (state === 'open') unmap()
      state = 'closed'
    },
  }
}

function readEdits(rows: DataView, base: number): ResponseEdits {
  const text = base + edits.size
  const u16 = (at: number): number => rows.getUint16(at, true)
  const bytes = (at: number, length: number): string => Buffer.from(rows.buffer, rows.byteOffset + text + at, length).toString('latin1')
  const names = Array.from({ length: Math.min(u16(base + at(edits, 'names')), EDIT_NAMES_MAX) }, (_, index) => {
    const name = base + at(edits, 'name') + index * editName.size
    return {
      name: bytes(u16(name + at(editName, 'at')), u16(name + at(editName, 'length'))),
      drop: (rows.getUint32(name + at(editName, 'how'), true) & EDIT_DROP) !== 0,
    }
  })
  const parts = Array.from({ length: Math.min(u16(base + at(edits, 'parts')), EDIT_PARTS_MAX) }, (_, index) => {
    const part = base + at(edits, 'part') + index * editPart.size
    const when = rows.getUint8(part + at(editPart, 'when'))
    const kind = rows.getUint8(part + at(editPart, 'what')) === EDIT_STATUS ? ('status' as const) : ('text' as const)
    return {
      kind,
      text: bytes(u16(part + at(editPart, 'at')), u16(part + at(editPart, 'length'))),
      if: when === EDIT_ALWAYS ? undefined : { name: rows.getUint8(part + at(editPart, 'name')), there: when === EDIT_IF_THERE },
    }
  })
  return { names, parts }
}

function at(layout: Parameters<typeof fieldOf>[0], name: string): number {
  return fieldOf(layout, name).offset
}
