/**
 * What becomes of headers, level by level, before there is a request. In: the mutations of the levels, in their order. Out: for each header what is dropped, replaced
 * and added, as far as that can be said for every request; or why it cannot. compiler/action/header-mutations.ts is the meaning.
 *
 * A header begins as it came (`came`: the request, or the answer of an upstream, has it or not) or as nothing (of a reply). What depends on the request is one line that the kernel decides about
 * (`decided`); a header of which more would have to be decided is user space's.
 */
import type { HeaderMutations, Template } from '../../http/model.ts'
import { isInlineHeader } from '../../http/inline-headers.ts'
import type { LineMode } from './pieces.ts'
import { ABSENT, constantOf, isSure, merged, type Told, told, type Value } from './values.ts'

export interface HeaderLine {
  readonly value: Value
  readonly empty: 'keep' | 'drop'
}

export type HeaderState =
  /** what the request has stays, `added` stands behind it */
  | { readonly kind: 'came'; readonly added: readonly HeaderLine[] }
  /** what the request has goes */
  | { readonly kind: 'made'; readonly added: readonly HeaderLine[] }
  /** `line` is for the kernel to decide about, `added` stands behind what comes of it */
  | { readonly kind: 'decided'; readonly mode: LineMode; readonly line: HeaderLine; readonly added: readonly HeaderLine[] }

export interface HeaderPlan {
  /** one level; `tell` evaluates a value, `side` says which lists count */
  apply(mutations: HeaderMutations, side: 'request' | 'response', tell: (template: Template) => Told): void
  set(name: string, value: Value): void
  drop(name: string): void
  /** the first value, as formats see it */
  header(name: string): Told
  state(name: string): HeaderState
  /** in the order in which they were first changed */
  readonly changed: readonly string[]
  /** why user space must do it; '' */
  readonly slow: string
}

type Refused = (name: string, what: 'remove' | 'add' | 'overwrite') => string

export function createHeaderPlan(of: 'request' | 'answer' | 'reply', refused: Refused): HeaderPlan {
  return new Plan(of, refused)
}

const CAME: HeaderState = { kind: 'came', added: [] }
const MADE: HeaderState = { kind: 'made', added: [] }

/** A class, as each route has several of these. */
class Plan implements HeaderPlan {
  slow = ''
  private readonly of: 'request' | 'answer' | 'reply'
  private readonly refused: Refused
  /** most plans change nothing */
  private states: Map<string, HeaderState> | undefined

  constructor(of: 'request' | 'answer' | 'reply', refused: Refused) {
    this.of = of
    this.refused = refused
  }

  apply(mutations: HeaderMutations, side: 'request' | 'response', tell: (template: Template) => Told): void {
    const remove = side === 'request' ? mutations.requestRemove : mutations.responseRemove
    const add = side === 'request' ? mutations.requestAdd : mutations.responseAdd
    for (const name of remove) {
      this.slow ||= this.refused(name, 'remove')
      this.put(name, MADE)
    }
    if (add.length === 0) return
    // all values are computed before any is set
    const computed = add.map((addition) => {
      const { name, action } = addition
      this.slow ||= this.refused(name, action === 'overwrite_or_add' ? 'overwrite' : 'add')
      const value = tell(addition.value)
      if (value.kind === 'slow') this.slow ||= value.why
      const line: HeaderLine = { value: value.kind === 'value' ? merged(value.value) : [], empty: addition.keepEmpty ? 'keep' : 'drop' }
      if (hasControl(constantOf(line.value) ?? '')) this.slow ||= `${name} has control characters`
      return { name, action, line, before: this.state(name) }
    })
    const counted = computed.filter(({ line }) => line.empty === 'keep' || constantOf(line.value) !== '')
    for (const { name, action, line, before } of counted) {
      if (action === 'overwrite_or_add') this.change(name, overwritten(this.state(name), line))
      else if (action === 'overwrite_if_exists') this.change(name, overwrittenIf(before, this.state(name), line))
    }
    for (const { name, action, line, before } of counted) {
      if (action === 'append') this.change(name, appended(this.state(name), line, this.isInline(name)))
      else if (action === 'add_if_absent') this.change(name, addedIfAbsent(before, this.state(name), line, this.isInline(name)))
    }
  }

  set(name: string, value: Value): void {
    this.put(name, { kind: 'made', added: [{ value, empty: 'keep' }] })
  }

  drop(name: string): void {
    this.put(name, MADE)
  }

  header(name: string): Told {
    const held = this.state(name)
    if (held.kind === 'decided') return { kind: 'slow', why: `a format reads ${name}, which was changed before` }
    const [first] = held.added
    if (held.kind === 'made') return first === undefined ? ABSENT : told(...first.value)
    return first === undefined ? told({ kind: 'header', name }) : { kind: 'slow', why: `a format reads ${name}, which was changed before` }
  }

  state(name: string): HeaderState {
    return this.states?.get(name) ?? (this.of === 'reply' ? MADE : CAME)
  }

  get changed(): readonly string[] {
    return this.states === undefined ? [] : [...this.states.keys()]
  }

  private put(name: string, state: HeaderState): void {
    this.states ??= new Map()
    this.states.set(name, state)
  }

  private change(name: string, next: HeaderState | string): void {
    if (typeof next === 'string') this.slow ||= `${name}: ${next}`
    else this.put(name, next)
  }

  private isInline(name: string): boolean {
    return isInlineHeader(this.of === 'request' ? 'request' : 'response', name)
  }
}

/** A tab may be in a value. */
function hasControl(text: string): boolean {
  return Array.from(text, (character) => character.charCodeAt(0)).some((code) => (code < 0x20 && code !== 0x09) || code === 0x7f)
}

const MANY = 'it is changed in ways that depend on each other and on the request'

function isThere(line: HeaderLine): boolean {
  return line.empty === 'keep' || isSure(line.value)
}

function overwritten(held: HeaderState, line: HeaderLine): HeaderState | string {
  if (isThere(line)) return { kind: 'made', added: [line] }
  if (held.kind === 'made') return held.added.length === 0 ? { kind: 'made', added: [line] } : MANY
  return held.kind === 'came' && held.added.length === 0 ? { kind: 'decided', mode: 'overwrite', line, added: [] } : MANY
}

/** `before`: as it was when the level began; `now`: with what the level has set so far */
function overwrittenIf(before: HeaderState, now: HeaderState, line: HeaderLine): HeaderState | string {
  const there = presence(before)
  if (there === false) return now
  if (there === true) return overwritten(now, line)
  return before === now && before.kind === 'came' && before.added.length === 0
    ? { kind: 'decided', mode: 'overwrite_if', line, added: [] }
    : MANY
}

function addedIfAbsent(before: HeaderState, now: HeaderState, line: HeaderLine, inline: boolean): HeaderState | string {
  const there = presence(before)
  if (there === true) return now
  if (there === false) return appended(now, line, inline)
  return before === now && before.kind === 'came' && before.added.length === 0
    ? { kind: 'decided', mode: 'if_absent', line, added: [] }
    : MANY
}

/** undefined: it depends on the request */
function presence(held: HeaderState): boolean | undefined {
  if (held.added.some(isThere)) return true
  if (held.kind === 'decided') return held.mode === 'if_absent' && isThere(held.line) ? true : undefined
  return held.kind === 'made' && held.added.length === 0 ? false : undefined
}

function appended(held: HeaderState, line: HeaderLine, inline: boolean): HeaderState | string {
  if (!inline) return { ...held, added: [...held.added, line] }
  const { value } = line
  const other = held.kind === 'decided' ? (held.mode === 'join' ? held.line : undefined) : held.added[0]
  if (other === undefined) {
    if (held.kind === 'made') return { kind: 'made', added: [line] }
    // an empty value leaves the other one as it is
    if (held.kind === 'came' && (line.empty === 'drop' || isSure(value)))
      return { kind: 'decided', mode: 'join', line: { value, empty: 'drop' }, added: [] }
    return MANY
  }
  if (!isSure(other.value) || !isSure(value)) return MANY
  const joined: HeaderLine = { value: merged([...other.value, { kind: 'text', text: ',' }, ...value]), empty: 'drop' }
  return held.kind === 'decided' ? { ...held, line: joined } : { kind: 'made', added: [joined] }
}
