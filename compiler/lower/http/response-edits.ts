/**
 * What a route changes of the heads of its responses, as rows (proto/http/editing.ts). In: the levels whose response headers count. Out: the rows, none where nothing is changed, or why user
 * space must do it: what is written must be the same for every request, but for the status. compiler/action/response-headers.ts is the meaning.
 */
import { put } from '../../../proto/layout.ts'
import type { Layout } from '../../../proto/layout.ts'
import { text as rowLayout } from '../../../proto/http/acting.ts'
import {
  EDIT_ALWAYS,
  EDIT_DROP,
  EDIT_IF_MISSING,
  EDIT_IF_THERE,
  EDIT_NAME_WORDS,
  EDIT_NAMES_MAX,
  EDIT_PARTS_MAX,
  EDIT_ROWS_MAX,
  EDIT_STATUS,
  EDIT_TEXT,
  editName,
  editPart,
  edits as editsLayout,
} from '../../../proto/http/editing.ts'
import { HTTP_ROW_SIZE } from '../../../proto/http/tables.ts'
import { hashText } from '../../../proto/http/text-hash.ts'
import type { HeaderMutations, Route, Template } from '../../http/model.ts'
import { createHeaderPlan, type HeaderLine, type HeaderPlan } from './header-plan.ts'
import { interestFilter } from './interest.ts'
import { changesResponses } from './levels.ts'
import type { Row } from './pieces.ts'
import { createRequestFacts } from './request-facts.ts'
import type { Slow } from './lowered.ts'
import type { ServiceScope } from './scope.ts'
import { bytesOfText } from './text.ts'
import { type FormatFacts, slowly, type Told, tellTemplate, told } from './values.ts'

export interface EditPlace {
  readonly scope: ServiceScope
  readonly route: Route
  /** in the order of their evaluation */
  readonly levels: readonly HeaderMutations[]
  readonly cluster: Told
}

/** `rows`: consecutive, to stand in front of the pieces of a target */
export type LoweredEdits = { readonly kind: 'rows'; readonly rows: readonly Row[] } | Slow

export function lowerResponseEdits({ scope, route, levels, cluster }: EditPlace): LoweredEdits {
  if (!levels.some(changesResponses)) return UNCHANGED
  const plan = createHeaderPlan('answer', refusedAnswerHeader)
  const facts: FormatFacts = {
    ...createRequestFacts({
      service: scope.service,
      plan: createHeaderPlan('request', () => ''),
      authority: told({ kind: 'host' }),
      routeName: route.name,
      cluster,
      slowIf: () => undefined,
    }),
    scheme: () => slowly('a format of its response reads the scheme'),
    responseHeader: (name) => slowly(`a format reads ${name} of the response`),
    responseCode: told({ kind: 'status' }),
    details: VARIES,
  }
  for (const level of levels) plan.apply(level, 'response', (template: Template) => tellTemplate(template, facts, ''))
  if (plan.slow !== '') return slow(plan.slow)
  if (plan.changed.length === 0) return UNCHANGED
  const written = writeEdits(plan)
  if ('kind' in written) return written
  const rows = rowsOf(written)
  return rows.length > EDIT_ROWS_MAX ? slow('what it writes into responses is too long') : { kind: 'rows', rows }
}

const UNCHANGED: LoweredEdits = { kind: 'rows', rows: [] }

/** %RESPONSE_CODE_DETAILS% is not the same for answers of the upstream and for our own: a control character is refused. */
const VARIES = '\u0000'

interface Part {
  readonly when: number
  readonly name: number
  readonly what: number
  readonly text: string
}

interface Edits {
  readonly names: readonly { readonly name: string; readonly how: number }[]
  readonly parts: readonly Part[]
}

function writeEdits(plan: HeaderPlan): Edits | Slow {
  const names: { readonly name: string; readonly how: number }[] = []
  const parts: Part[] = []
  const add = (name: string, { value, empty }: HeaderLine, when: number): string => {
    const texts = [{ kind: 'text', text: `${name}: ` } as const, ...value, { kind: 'text', text: '\r\n' } as const]
    if (value.length === 0 && empty === 'drop') return ''
    for (const part of texts) {
      const last = parts.at(-1)
      const index = when === EDIT_ALWAYS ? 0 : names.length - 1
      if (part.kind === 'status' && part.most === undefined) parts.push({ when, name: index, what: EDIT_STATUS, text: '' })
      else if (part.kind !== 'text') return `${name} of its response depends on the request`
      else if (last?.what === EDIT_TEXT && last.when === when && last.name === index)
        parts[parts.length - 1] = { ...last, text: last.text + part.text }
      else parts.push({ when, name: index, what: EDIT_TEXT, text: part.text })
    }
    return ''
  }
  for (const name of plan.changed) {
    const state = plan.state(name)
    let why = ''
    if (state.kind === 'made') names.push({ name, how: EDIT_DROP })
    else if (state.kind === 'decided') {
      if (state.mode !== 'overwrite_if' && state.mode !== 'if_absent')
        return slow(`${name} of its response is joined with what the upstream says`)
      names.push({ name, how: state.mode === 'overwrite_if' ? EDIT_DROP : 0 })
      why = add(name, state.line, state.mode === 'overwrite_if' ? EDIT_IF_THERE : EDIT_IF_MISSING)
    }
    for (const line of state.added) why ||= add(name, line, EDIT_ALWAYS)
    if (why !== '') return slow(why)
  }
  if (names.length > EDIT_NAMES_MAX || parts.length > EDIT_PARTS_MAX || names.some(({ name }) => name.length >= EDIT_NAME_WORDS * 8))
    return slow('it changes too many headers of responses')
  return { names, parts }
}

/** The block, cut into rows: names first in the text, so that whoever compares them may read on behind each. */
function rowsOf({ names, parts }: Edits): readonly Row[] {
  const text = names.map(({ name }) => name).join('') + parts.map((part) => part.text).join('')
  const size = editsLayout.size + Math.ceil(text.length / HTTP_ROW_SIZE) * HTTP_ROW_SIZE
  const bytes = new Uint8Array(size)
  const set = (layout: Layout, base: number, values: Readonly<Record<string, number | bigint>>): void => {
    const view = new DataView(bytes.buffer)
    for (const [key, value] of Object.entries(values)) put(view, base, fieldOf(layout, key), value)
  }
  const filter = interestFilter(names.map(({ name }) => name))
  set(editsLayout, 0, { names: names.length, parts: parts.length, bytes: text.length, rows: size / HTTP_ROW_SIZE, ...filter })
  let at = 0
  for (const [index, { name, how }] of names.entries()) {
    const values = { hash: hashText(name) ?? 0n, at, length: name.length, how }
    set(editName, fieldOf(editsLayout, 'name').offset + index * editName.size, values)
    at += name.length
  }
  for (const [index, { when, name, what, text: own }] of parts.entries()) {
    set(editPart, fieldOf(editsLayout, 'part').offset + index * editPart.size, { at, length: own.length, when, name, what })
    at += own.length
  }
  bytes.set(bytesOfText(text), editsLayout.size)
  return Array.from({ length: size / HTTP_ROW_SIZE }, (_, row) => ({
    layout: rowLayout,
    values: { bytes: bytes.subarray(row * HTTP_ROW_SIZE, (row + 1) * HTTP_ROW_SIZE) },
  }))
}

function fieldOf(layout: Layout, name: string): Layout['fields'][string] {
  const field = layout.fields[name]
  if (field === undefined) throw new Error(`${layout.name} has no field ${name}`)
  return field
}

/** '' when the kernel can do it. What frames the answer, and what the connection manager or a local reply writes itself, is user space's. */
function refusedAnswerHeader(name: string): string {
  return name.startsWith(':') || name.startsWith('x-envoy-') || OWN.has(name) ? `it changes ${name} of responses` : ''
}

const OWN: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'proxy-connection',
  'server',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-request-id',
])

function slow(why: string): Slow {
  return { kind: 'slow', why }
}
