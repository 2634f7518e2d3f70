/**
 * How the head of a response is changed on its way to the client. In: nothing. Out: layouts and capacities.
 *
 * What a route changes of its responses is a block of rows of km_http (km_edits, and a text behind it), written by compiler/lower/http/response-edits.ts. A request that is forwarded takes a copy
 * of it along, in a row of km_edit: whoever has the response in hands then - km_reply_local, the holder, Node - edits its head, whatever became of the epoch meanwhile.
 *
 * The new head: the status line, the header lines whose names do not say EDIT_DROP, the parts that apply, an empty line.
 */
import { layout } from '../layout.ts'
import { HTTP_ROW_SIZE } from './tables.ts'

/** Rows of km_edit: responses under way that are edited. A power of two. */
export const EDITS = 2048
/** Rows, from the upstream's cookie modulo EDITS on, of which a request takes the first that is free. */
export const EDIT_PROBES = 4
export const EDIT_NAMES_MAX = 8
export const EDIT_PARTS_MAX = 8
export const EDIT_NAME_WORDS = 8
/** Bytes of the text of a block. */
export const EDIT_TEXT_MAX = 768
/** km_edit.taken, km_kept.taken: turned over by each taking, so that of two takers one is too late */
export const ROW_TURN = 1n << 63n

/** km_edit_name.how: lines of this name do not go on */
export const EDIT_DROP = 1

/** km_edit_part.when */
export const EDIT_ALWAYS = 0
/** where the response has, or does not have, a header `name` */
export const EDIT_IF_THERE = 1
export const EDIT_IF_MISSING = 2
/** km_edit_part.what: bytes of the text, or the digits of the status */
export const EDIT_TEXT = 0
export const EDIT_STATUS = 1

export const editName = layout('km_edit_name', 'A header whose lines are looked for.', {
  hash: ['u64', 'text-hash.ts'],
  at: ['u16', 'where it is in the text, in lower case'],
  length: ['u16', 'bytes, less than EDIT_NAME_WORDS words'],
  how: ['u32', 'EDIT_DROP'],
})

export const editPart = layout('km_edit_part', 'Bytes of lines that are added.', {
  at: ['u16', 'where they are in the text'],
  length: ['u16', ''],
  when: ['u8', 'EDIT_ALWAYS, EDIT_IF_THERE, EDIT_IF_MISSING'],
  name: ['u8', 'index of the name'],
  what: ['u8', 'EDIT_TEXT, EDIT_STATUS'],
  pad: ['u8', '0'],
})

export const edits = layout('km_edits', 'What becomes of the head of a response: rows of km_http, with the text behind them.', {
  names: ['u16', ''],
  parts: ['u16', ''],
  bytes: ['u16', 'of the text'],
  rows: ['u16', 'of the whole block'],
  letters: ['u32', 'first letters of the names, as in km_service'],
  pad0: ['u32', '0'],
  lengths: ['u64', 'their lengths, as in km_service'],
  pad1: ['u64', '0'],
  name: ['u64[16]', 'km_edit_name[EDIT_NAMES_MAX]'],
  part: ['u64[8]', 'km_edit_part[EDIT_PARTS_MAX]'],
})

/** Rows of the longest block. */
export const EDIT_ROWS_MAX = edits.size / HTTP_ROW_SIZE + EDIT_TEXT_MAX / HTTP_ROW_SIZE

export const edit = layout(
  'km_edit',
  'A response that is under way and edited. It belongs to an upstream while that is no idle connection of its pool.',
  {
    taken: ['u64', 'cookie of the upstream, and ROW_TURN; 0: nobody has had it yet'],
    pad: ['u64[3]', '0'],
    rows: ['u64[128]', 'a block of at most EDIT_ROWS_MAX rows'],
  },
)

export const EDITING_LAYOUTS = [editName, editPart, edits, edit] as const
