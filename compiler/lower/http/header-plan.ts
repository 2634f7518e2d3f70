/**
 * What becomes of headers, level by level, before there is a request. In: the mutations of the levels, in their order. Out: for each header what is dropped, replaced
 * and added, as far as that can be said for every request; or why it cannot. compiler/action/header-mutations.ts is the meaning.
 *
 * A header begins as it came (`came`: the request has it or not) or as nothing (of a reply). What depends on the request is one line that the kernel decides about
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

export function createHeaderPlan(
  of: 'request' | 'response',
  refused: (name: string, what: 'remove' | 'add' | 'overwrite') => string,
): HeaderPlan {
  const states = new Map<string, HeaderState>()
  let slow = ''
  const untouched: HeaderState = of === 'request' ? { kind: 'came', added: [] } : { kind: 'made', added: [] }
  const state = (name: string): HeaderState => states.get(name) ?? untouched
  const change = (name: string, next: HeaderState | string): void => {
    if (typeof next === 'string') slow ||= `${name}: ${next}`
    else states.set(name, next)
  }
  return {
    apply(mutations, side, tell) {
      const remove = side === 'request' ? mutations.requestRemove : mutations.responseRemove
      const add = side === 'request' ? mutations.requestAdd : mutations.responseAdd
      for (const name of remove) {
        slow ||= refused(name, 'remove')
        states.set(name, { kind: 'made', added: [] })
      }
      // all values are computed before any is set
      const computed = add.map((addition) => {
        const { name, action } = addition
        slow ||= refused(name, action === 'overwrite_or_add' ? 'overwrite' : 'add')
        const value = tell(addition.value)
        if (value.kind === 'slow') slow ||= value.why
        const line: HeaderLine = { value: value.kind === 'value' ? merged(value.value) : [], empty: addition.keepEmpty ? 'keep' : 'drop' }
        if (hasControl(constantOf(line.value) ?? '')) slow ||= `${name} has control characters`
        return { name, action, line, before: state(name) }
      })
      const counted = computed.filter(({ line }) => line.empty === 'keep' || constantOf(line.value) !== '')
      for (const { name, action, line, before } of counted) {
        if (action === 'overwrite_or_add') change(name, overwritten(state(name), line))
        else if (action === 'overwrite_if_exists') change(name, overwrittenIf(before, state(name), line))
      }
      for (const { name, action, line, before } of counted) {
        if (action === 'append') change(name, appended(state(name), line, isInlineHeader(of, name)))
        else if (action === 'add_if_absent') change(name, addedIfAbsent(before, state(name), line, isInlineHeader(of, name)))
      }
    },
    set: (name, value) => states.set(name, { kind: 'made', added: [{ value, empty: 'keep' }] }),
    drop: (name) => states.set(name, { kind: 'made', added: [] }),
    header(name) {
      const held = state(name)
      if (held.kind === 'decided') return { kind: 'slow', why: `a format reads ${name}, which was changed before` }
      const [first] = held.added
      if (held.kind === 'made') return first === undefined ? ABSENT : told(...first.value)
      return first === undefined
        ? told({ kind: 'header', name })
        : { kind: 'slow', why: `a format reads ${name}, which was changed before` }
    },
    state,
    get changed() {
      return [...states.keys()]
    },
    get slow() {
      return slow
    },
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
