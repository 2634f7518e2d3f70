/**
 * A head or a reply as pieces (proto/http/acting.ts), which bpf/lib/http/compose.h puts together. In: texts and parts of a request, line by line. Out: rows, or
 * why they cannot be. Invariant: texts have one character a byte and no line end but those that are put here; neighbouring texts are one piece.
 */
import type { Layout } from '../../../proto/layout.ts'
import {
  HOST_PORT_80,
  LINE_DROP,
  LINE_ENDS,
  LINE_IF_ABSENT,
  LINE_JOIN,
  LINE_KEEP,
  LINE_OVERWRITE,
  LINE_OVERWRITE_IF,
  LINE_ADD,
  PIECE_ASKED,
  PIECE_ASKED_PORT,
  PIECE_BODY,
  PIECE_CLOSE,
  PIECE_DATE,
  PIECE_HEADER,
  PIECE_HOST,
  PIECE_HOST_NAME,
  PIECE_LINE,
  PIECE_LINE_BEGIN,
  PIECE_LINE_END,
  PIECE_LINE_PREFIX,
  PIECE_METHOD,
  PIECE_PATH,
  PIECE_QUERY,
  PIECE_REPLACED,
  PIECE_REST,
  PIECE_SLOW_IF,
  PIECE_SOURCE,
  PIECE_SOURCE_PORT,
  PIECE_TARGET,
  PIECE_TEXT,
  PIECE_TEXT_BYTES,
  PIECE_WHOLE,
  piece as pieceLayout,
  REST_ENDS,
  SLOT_HOST,
  SLOT_NONE,
  SOURCE_QUERY,
  text as textLayout,
} from '../../../proto/http/acting.ts'
import { HTTP_ROW_SIZE } from '../../../proto/http/tables.ts'
import { placeReplacement } from './replacements.ts'
import type { ServiceScope } from './scope.ts'
import { bytesOfText } from './text.ts'
import type { Value, ValuePart } from './values.ts'

/** What becomes of the line that the request has. */
export type LineMode = 'add' | 'overwrite' | 'overwrite_if' | 'if_absent' | 'join'

export interface PieceList {
  text(text: string): void
  /** `value`; lines of other headers are told apart by their name, `host` is that of Host */
  line(mode: LineMode, name: string, value: Value, empty: 'keep' | 'drop'): void
  /** the request's line of this header does not go on */
  drop(name: string): void
  part(part: ValuePart): void
  date(): void
  /** for those who asked for the connection to be closed */
  close(text: string): void
  /** the request line as it came */
  requestLine(): void
  /** of the request line: what is before the target, or what is left from a byte of the target on */
  lineBegin(): void
  lineEnd(from: number | 'query'): void
  /** both, with a text of at most PIECE_TEXT_BYTES between them */
  linePrefix(text: string, from: number | 'query'): void
  /** the request's other header lines; `all`: and the empty line */
  rest(how: 'lines' | 'all'): void
  body(): void
  /** requests with this header are user space's */
  slowIf(name: string): void
  /** the first row and their number, or why not; `before`: rows that stand in front of the first, and are not counted */
  finish(before?: readonly Row[]): PlacedPieces
}

export type PlacedPieces =
  | { readonly kind: 'rows'; readonly first: number; readonly count: number }
  | { readonly kind: 'slow'; readonly why: string }

/** One row of km_http. */
export interface Row {
  readonly layout: Layout
  readonly values: Readonly<Record<string, number | Uint8Array>>
}

const MODES: Readonly<Record<LineMode, number>> = {
  add: LINE_ADD,
  overwrite: LINE_OVERWRITE,
  overwrite_if: LINE_OVERWRITE_IF,
  if_absent: LINE_IF_ABSENT,
  join: LINE_JOIN,
}
/** Bytes of one text, and rows of one head or reply: what does not fit into KM_OUT_MAX fits in no case. */
const TEXT_MAX = 4095
const ROWS_MAX = 512

export function createPieceList(scope: ServiceScope): PieceList {
  const rows: Row[] = []
  let pending = ''
  let slow = ''
  const slotOf = (name: string): number => {
    const slot = name === 'host' ? SLOT_HOST : scope.interest(name)
    if (slot === undefined) slow ||= 'its service reads or changes too many different headers'
    return slot ?? SLOT_NONE
  }
  const pushText = (text: string, kind: number, how: number, slot: number): void => {
    if (text.length > TEXT_MAX) slow ||= 'a text of it is too long'
    const bytes = bytesOfText(text.slice(0, TEXT_MAX))
    rows.push({
      layout: pieceLayout,
      values: { kind, how, slot, length: bytes.length, text: bytes.subarray(0, PIECE_TEXT_BYTES) },
    })
    for (let at = PIECE_TEXT_BYTES; at < bytes.length; at += HTTP_ROW_SIZE)
      rows.push({ layout: textLayout, values: { bytes: bytes.subarray(at, at + HTTP_ROW_SIZE) } })
  }
  const flush = (): void => {
    if (pending !== '') pushText(pending, PIECE_TEXT, 0, SLOT_NONE)
    pending = ''
  }
  const pushRow = (values: Row['values']): void => {
    flush()
    rows.push({ layout: pieceLayout, values: { slot: SLOT_NONE, ...values } })
  }
  const push = (values: Readonly<Record<string, number>>): void => pushRow(values)
  const pushPart = (part: ValuePart, how: number): void => {
    if (part.kind === 'text') {
      flush()
      const short = part.text.length <= PIECE_TEXT_BYTES
      pushText(part.text, PIECE_TEXT, short ? how : 0, SLOT_NONE)
      if (!short && how !== 0) pushText('', PIECE_TEXT, how, SLOT_NONE)
      return
    }
    if (part.kind === 'status') {
      slow ||= 'it names the status of its response'
      return
    }
    if (part.kind === 'replaced') {
      const placed = placeReplacement(part, scope.builder)
      if (placed === undefined) slow ||= `the regex ${part.pattern} cannot be replaced here`
      else pushRow({ kind: PIECE_REPLACED, how, length: PIECE_WHOLE, text: placed })
      return
    }
    const source = sourceOf(part, slotOf)
    const slot = part.unless === undefined ? SLOT_NONE : slotOf(part.unless)
    push({ kind: PART_KINDS[part.kind], how, slot, source, length: part.most ?? PIECE_WHOLE })
  }
  return {
    text(text) {
      pending += text
    },
    line(mode, name, value, empty) {
      const only = value.length === 0 ? '' : value.length === 1 && value[0]?.kind === 'text' ? value[0].text : undefined
      if (only === '' && empty === 'drop') return
      const slot = mode === 'add' ? SLOT_NONE : slotOf(name)
      if (only !== undefined && mode !== 'join') {
        const whole = `${name}: ${only}\r\n`
        if (mode === 'add') pending += whole
        else {
          flush()
          pushText(whole, PIECE_TEXT, MODES[mode] | LINE_ENDS, slot)
        }
        return
      }
      flush()
      pushText(`${name}: `, PIECE_TEXT, MODES[mode], slot)
      const ends = LINE_ENDS | (empty === 'keep' ? LINE_KEEP : 0)
      const parts: Value = value.length === 0 ? [{ kind: 'text', text: '' }] : value
      for (const [index, part] of parts.entries()) pushPart(part, index === parts.length - 1 ? ends : 0)
    },
    drop: (name) => push({ kind: PIECE_TEXT, how: LINE_DROP, slot: slotOf(name) }),
    part(part) {
      if (part.kind === 'text') pending += part.text
      else pushPart(part, 0)
    },
    date: () => push({ kind: PIECE_DATE }),
    close(text) {
      flush()
      pushText(text, PIECE_CLOSE, 0, SLOT_NONE)
    },
    requestLine: () => push({ kind: PIECE_LINE, length: PIECE_WHOLE }),
    lineBegin: () => push({ kind: PIECE_LINE_BEGIN, length: PIECE_WHOLE }),
    lineEnd: (from) => push({ kind: PIECE_LINE_END, source: from === 'query' ? SOURCE_QUERY : from, length: PIECE_WHOLE }),
    linePrefix(text, from) {
      flush()
      const source = from === 'query' ? SOURCE_QUERY : from
      const bytes = bytesOfText(text)
      rows.push({ layout: pieceLayout, values: { kind: PIECE_LINE_PREFIX, slot: SLOT_NONE, source, length: bytes.length, text: bytes } })
    },
    rest: (how) => push({ kind: PIECE_REST, source: how === 'all' ? REST_ENDS : 0 }),
    body: () => push({ kind: PIECE_BODY }),
    slowIf: (name) => push({ kind: PIECE_SLOW_IF, slot: slotOf(name) }),
    finish(before = []) {
      flush()
      if (rows.length > ROWS_MAX) slow ||= 'what is sent is too long'
      return slow === ''
        ? { kind: 'rows', first: scope.builder.shareRun([...before, ...rows]), count: rows.length }
        : { kind: 'slow', why: slow }
    },
  }
}

const PART_KINDS: Readonly<Record<Exclude<ValuePart['kind'], 'text' | 'status' | 'replaced'>, number>> = {
  header: PIECE_HEADER,
  method: PIECE_METHOD,
  target: PIECE_TARGET,
  path: PIECE_PATH,
  query: PIECE_QUERY,
  host: PIECE_HOST,
  host_name: PIECE_HOST_NAME,
  source: PIECE_SOURCE,
  source_port: PIECE_SOURCE_PORT,
  asked: PIECE_ASKED,
  asked_port: PIECE_ASKED_PORT,
}

function sourceOf(part: Exclude<ValuePart, { readonly kind: 'text' }>, slotOf: (name: string) => number): number {
  switch (part.kind) {
    case 'header':
      return slotOf(part.name)
    case 'target':
    case 'path':
      return part.from === 'query' ? SOURCE_QUERY : part.from
    case 'host_name':
      return part.port === '80' ? HOST_PORT_80 : 0
    case 'source':
    case 'asked':
      return part.brackets ? 1 : 0
    default:
      return 0
  }
}
