/**
 * What conditions ask of a request, before they are rows. In: nothing. Out: the form that route conditions, virtual hosts and filters (RBAC) are brought into.
 * Invariant: `unknown` is never taken for yes or no: whoever meets it goes to user space.
 */

/** Texts have one character a byte; with `fold` they are lower-case and so is what they are compared with. */
export type Comparison =
  | { readonly kind: 'present' }
  | { readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains'; readonly text: string; readonly fold: boolean }
  /** a whole decimal number, start <= it < end, signed 64 bits */
  | { readonly kind: 'range'; readonly start: bigint; readonly end: bigint }
  /** RE2 takes the whole text */
  | { readonly kind: 'regex'; readonly source: string }

export type Subject =
  /** lower-case name, no pseudo header; use headerQuestion, which knows what a connection manager does to headers. `joined`: several values are one */
  | { readonly kind: 'header'; readonly name: string; readonly joined?: true }
  | { readonly kind: 'query'; readonly name: string }
  /** `path` is without query, `target` with */
  | { readonly kind: 'method' | 'path' | 'target' | 'authority' }

export type Question =
  | { readonly kind: 'constant'; readonly holds: boolean }
  | { readonly kind: 'unknown'; readonly why: string }
  | { readonly kind: 'all' | 'any'; readonly of: readonly Question[] }
  | { readonly kind: 'not'; readonly of: Question }
  /** `invert` turns the comparison of a subject that is there; `missing` is the answer where it is not */
  | {
      readonly kind: 'ask'
      readonly subject: Subject
      readonly comparison: Comparison
      readonly invert: boolean
      readonly missing: boolean
    }
  /** the request's random number, modulo `denominator`, is below `numerator` */
  | { readonly kind: 'fraction'; readonly numerator: number; readonly denominator: number }
  /** the client's address: 16 bytes, IPv4-mapped or IPv6, of which the first `bits` count */
  | { readonly kind: 'source'; readonly address: Uint8Array; readonly bits: number }

export const ALWAYS: Question = { kind: 'constant', holds: true }
export const NEVER: Question = { kind: 'constant', holds: false }

/** Why it may end in user space, '' when it cannot. */
export function unknownIn(question: Question): string {
  switch (question.kind) {
    case 'unknown':
      return question.why
    case 'all':
    case 'any':
      return question.of.map(unknownIn).find((why) => why !== '') ?? ''
    case 'not':
      return unknownIn(question.of)
    default:
      return ''
  }
}

/** Constants folded, lists in lists made one, what is unknown asked last: so that it matters only where nothing else decides. */
export function simplified(question: Question): Question {
  if (question.kind === 'not') {
    const inner = simplified(question.of)
    if (inner.kind === 'constant') return inner.holds ? NEVER : ALWAYS
    if (inner.kind === 'unknown') return inner
    return inner.kind === 'not' ? inner.of : { kind: 'not', of: inner }
  }
  if (question.kind !== 'all' && question.kind !== 'any') return question
  const { kind } = question
  const neutral = kind === 'all'
  const parts = question.of.map(simplified).flatMap((part) => (part.kind === kind ? part.of : [part]))
  if (parts.some((part) => part.kind === 'constant' && part.holds !== neutral)) return neutral ? NEVER : ALWAYS
  const left = parts.filter((part) => part.kind !== 'constant')
  const [only] = left
  if (only === undefined) return neutral ? ALWAYS : NEVER
  if (left.length === 1) return only
  return { kind, of: [...left.filter((part) => unknownIn(part) === ''), ...left.filter((part) => unknownIn(part) !== '')] }
}
