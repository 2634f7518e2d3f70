/**
 * What a substitution format gives, as far as it can be said before there is a request. In: a template and what is known. Out: parts, each a text or a piece of the
 * request; or why only user space can tell. compiler/action/format.ts is the meaning.
 */
import type { Template, TemplatePart } from '../../http/model.ts'
import { bytesOf } from '../../match/byte-text.ts'
import { isAscii } from './text.ts'

/** `most`: bytes that are taken of it; `unless`: nothing of it where the request has this header. Texts have one character a byte. */
export type ValuePart =
  | { readonly kind: 'text'; readonly text: string }
  | ({ readonly most?: number; readonly unless?: string } & (
      | { readonly kind: 'header'; readonly name: string }
      /** from byte `from` on, or from the question mark on */
      | { readonly kind: 'target' | 'path'; readonly from: number | 'query' }
      | { readonly kind: 'method' | 'query' | 'host' | 'source_port' | 'asked_port' }
      /** of the response; of what is sent before there is one, no part */
      | { readonly kind: 'status' }
      /** the path without query, a regex replaced in it; `needed`: what must be left, or the request is for user space */
      | {
          readonly kind: 'replaced'
          readonly pattern: string
          readonly substitution: string
          readonly needed: 'nothing' | 'something' | 'slash'
        }
      /** Host without its port, or without port 80 */
      | { readonly kind: 'host_name'; readonly port: 'any' | '80' }
      | { readonly kind: 'source' | 'asked'; readonly brackets: boolean }
    ))

export type Value = readonly ValuePart[]

/** `absent`: nothing, which formats write as '' or "-". */
export type Told =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'absent' }
  | { readonly kind: 'slow'; readonly why: string }

type ToldValue = Extract<Told, { readonly kind: 'value' }>

export const ABSENT: Told = { kind: 'absent' }
export const told = (...value: readonly ValuePart[]): ToldValue => ({ kind: 'value', value })
/** `text` in Unicode */
export const toldText = (text: string): Told => ({ kind: 'value', value: text === '' ? [] : [{ kind: 'text', text: bytesOf(text) }] })
export const slowly = (why: string): Told => ({ kind: 'slow', why })

/** What is known where a format is evaluated. */
export interface FormatFacts {
  /** of the request, with the changes made so far; no pseudo header */
  requestHeader(name: string): Told
  /** of a reply; undefined: there is none yet */
  readonly responseHeader: ((name: string) => Told) | undefined
  readonly path: Told
  readonly authority: Told
  scheme(): Told
  /** %RESPONSE_CODE%: 0 until an upstream has answered */
  readonly responseCode: Told
  readonly details: string | undefined
  readonly routeName: string
  readonly cluster: Told
  /** %LOCAL_REPLY_BODY% */
  readonly body: string
  /** the client's address is told: where it comes from x-forwarded-for, the request is user space's */
  unforwarded(): void
}

/** `empty` stands for what is absent. A command that may turn out to be absent cannot have "-" in its place. */
export function tellTemplate(template: Template, facts: FormatFacts, empty: '' | '-'): Told {
  const parts: ValuePart[] = []
  for (const part of template) {
    const one = part.kind === 'text' ? toldText(part.text) : tellCommand(part, facts)
    if (one.kind === 'slow') return one
    if (one.kind === 'absent') parts.push(...(empty === '' ? [] : [{ kind: 'text', text: '-' } as const]))
    else if (empty === '-' && one.value.some(mayBeAbsent)) return slowly(`%${part.kind === 'command' ? part.name : ''}% in a body`)
    else parts.push(...one.value)
  }
  return { kind: 'value', value: merged(parts) }
}

/** Whether it is more than nothing whatever the request is. */
export function isSure(value: Value): boolean {
  return value.some((part) => (part.kind === 'text' ? part.text !== '' : !mayBeAbsent(part)))
}

/** The text, where no part depends on the request. */
export function constantOf(value: Value): string | undefined {
  return value.every((part) => part.kind === 'text') ? value.map((part) => (part as { readonly text: string }).text).join('') : undefined
}

export function merged(parts: Value): Value {
  const list: ValuePart[] = []
  for (const part of parts) {
    const last = list.at(-1)
    if (part.kind === 'text' && part.text === '') continue
    if (part.kind === 'text' && last?.kind === 'text') list[list.length - 1] = { kind: 'text', text: last.text + part.text }
    else list.push(part)
  }
  return list
}

/** Every request has a method, a path and addresses. */
function mayBeAbsent(part: ValuePart): boolean {
  if (part.kind !== 'text' && part.unless !== undefined) return true
  switch (part.kind) {
    case 'header':
    case 'query':
    case 'host':
    case 'host_name':
      return true
    case 'replaced':
      return part.needed === 'nothing'
    case 'target':
    case 'path':
      return part.from !== 0
    default:
      return false
  }
}

type Command = Extract<TemplatePart, { readonly kind: 'command' }>

function tellCommand(command: Command, facts: FormatFacts): Told {
  const given = evaluate(command, facts)
  const most = command.maxLength
  if (most === undefined || given.kind !== 'value') return given
  const [only, more] = given.value
  if (only === undefined) return given
  // of a header and its alternative there is one
  if (more !== undefined && given.value.slice(1).every((part) => part.kind !== 'text' && part.unless !== undefined))
    return told(...given.value.map((part) => (part.kind === 'text' ? part : { ...part, most })))
  if (more !== undefined) return slowly(`a length limit of %${command.name}%`)
  if (only.kind !== 'text') return told({ ...only, most: Math.min(only.most ?? most, most) })
  return !isAscii(only.text) ? slowly('a length limit of text beyond ASCII') : told({ kind: 'text', text: only.text.slice(0, most) })
}

function evaluate({ name, argument = '' }: Command, facts: FormatFacts): Told {
  if (argument !== '' && TELLS_ALL_OR_PART.has(name)) return slowly(`%${name}(${argument})%`)
  switch (name) {
    case 'REQ':
    case 'REQUEST_HEADER':
      return either(argument, (one) => requestHeader(one, facts))
    case 'RESP':
    case 'RESPONSE_HEADER':
      return either(argument, (one) => responseHeader(one, facts))
    case 'PATH':
      return pathCommand(argument, facts)
    case 'QUERY_PARAMS':
      if (argument === 'DECODED') return slowly('%QUERY_PARAMS(DECODED)%')
      return facts.path.kind === 'value' && isOriginal(facts.path.value)
        ? told({ kind: 'query' })
        : slowly('%QUERY_PARAMS% of a rewritten path')
    case 'PROTOCOL':
      return toldText('HTTP/1.1')
    case 'RESPONSE_CODE':
      return facts.responseCode
    case 'RESPONSE_CODE_DETAILS':
      return facts.details === undefined ? ABSENT : toldText(facts.details)
    case 'ROUTE_NAME':
      return facts.routeName === '' ? ABSENT : toldText(facts.routeName)
    case 'UPSTREAM_CLUSTER':
    case 'UPSTREAM_CLUSTER_RAW':
      return facts.cluster
    case 'LOCAL_REPLY_BODY':
      return toldText(facts.body)
    case 'DOWNSTREAM_REMOTE_ADDRESS':
      facts.unforwarded()
      return told({ kind: 'source', brackets: true }, { kind: 'text', text: ':' }, { kind: 'source_port' })
    case 'DOWNSTREAM_DIRECT_REMOTE_ADDRESS':
      return told({ kind: 'source', brackets: true }, { kind: 'text', text: ':' }, { kind: 'source_port' })
    case 'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT':
      facts.unforwarded()
      return told({ kind: 'source', brackets: false })
    case 'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT':
      return told({ kind: 'source', brackets: false })
    case 'DOWNSTREAM_REMOTE_PORT':
      facts.unforwarded()
      return told({ kind: 'source_port' })
    case 'DOWNSTREAM_DIRECT_REMOTE_PORT':
      return told({ kind: 'source_port' })
    case 'DOWNSTREAM_LOCAL_ADDRESS':
      return told({ kind: 'asked', brackets: true }, { kind: 'text', text: ':' }, { kind: 'asked_port' })
    case 'DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT':
      return told({ kind: 'asked', brackets: false })
    case 'DOWNSTREAM_LOCAL_PORT':
      return told({ kind: 'asked_port' })
    default:
      return ALWAYS_ABSENT.has(name) ? ABSENT : slowly(`%${name}%`)
  }
}

/** What their argument asks for is made in user space. */
const TELLS_ALL_OR_PART: ReadonlySet<string> = new Set([
  'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT',
  'REQUESTED_SERVER_NAME',
])

/** On a plain connection, before an upstream has answered. Source: compiler/action/format.ts. */
const ALWAYS_ABSENT: ReadonlySet<string> = new Set([
  'TRAILER',
  'UPSTREAM_HOST',
  'UPSTREAM_LOCAL_ADDRESS',
  'UPSTREAM_REMOTE_ADDRESS',
  'DOWNSTREAM_PEER_URI_SAN',
  'DOWNSTREAM_PEER_SUBJECT',
  'DOWNSTREAM_LOCAL_URI_SAN',
  'DOWNSTREAM_TLS_VERSION',
  'DOWNSTREAM_TLS_CIPHER',
  'REQUESTED_SERVER_NAME',
])

/** "main?alternative": the second only where the first is absent */
function either(argument: string, tell: (name: string) => Told): Told {
  const mark = argument.indexOf('?')
  const first = tell((mark < 0 ? argument : argument.slice(0, mark)).toLowerCase())
  if (mark < 0 || first.kind === 'slow') return first
  const second = tell(argument.slice(mark + 1).toLowerCase())
  if (first.kind === 'absent') return second
  const [only, more] = first.value
  // what was made here is there
  if (only?.kind !== 'header') return first.value.some((part) => part.kind === 'header') ? slowly('a header with an alternative') : first
  if (more !== undefined || second.kind === 'slow') return slowly('a header with an alternative')
  if (second.kind === 'absent') return first
  return second.value.some((part) => part.kind === 'text')
    ? slowly('a header with an alternative')
    : told(only, ...second.value.map((part) => ({ ...part, unless: only.name })))
}

function requestHeader(name: string, facts: FormatFacts): Told {
  switch (name) {
    case ':path':
      return facts.path
    case ':authority':
    case 'host':
      return facts.authority
    case ':method':
      return told({ kind: 'method' })
    case ':scheme':
      return facts.scheme()
    default:
      return name.startsWith(':') ? ABSENT : facts.requestHeader(name)
  }
}

function responseHeader(name: string, { responseHeader: tell, responseCode }: FormatFacts): Told {
  if (tell === undefined) return ABSENT
  return name === ':status' ? responseCode : tell(name)
}

/** %PATH(WQ|NQ:ORIG|PATH|ORIG_OR_PATH)%; there is no other path before it is rewritten */
function pathCommand(argument: string, { path }: FormatFacts): Told {
  const [query = 'WQ', which = 'ORIG_OR_PATH'] = argument === '' ? [] : argument.split(':')
  if (path.kind !== 'value' || !isOriginal(path.value)) return slowly('%PATH% of a rewritten path')
  if (which === 'ORIG') return ABSENT
  return query === 'NQ' ? told({ kind: 'path', from: 0 }) : path
}

function isOriginal(path: Value): boolean {
  const [only, more] = path
  return more === undefined && only?.kind === 'target' && only.from === 0
}
