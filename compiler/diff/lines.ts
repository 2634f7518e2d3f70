/**
 * Changes as lines that a text or a Markdown page is made of. In: changes. Out: one line each, with its depth; what was added or removed whole is cut after a number of
 * parts. Invariant: no text of a snapshot starts a line of its own or moves a cursor.
 */
import { plain } from '../diag/render.ts'
import type { Change, FactChange } from './compare.ts'

export interface Line {
  readonly sign: '+' | '-' | '~' | '>'
  readonly depth: number
  readonly text: string
}

const SIGNS = { added: '+', removed: '-', changed: '~', moved: '>' } as const
/** parts of something whole that are shown */
const MOST_PARTS = 20
/** xDS fields of something whole that are shown */
const MOST_FIELDS = 10
/** facts of one change that stand on its own line */
const IN_LINE = 2

const WORDS: Readonly<Partial<Record<Change['kind'], string>>> = { route_configuration: 'routes', weight: 'to', resource: '' }

export function changeLines(changes: readonly Change[], depth = 0): readonly Line[] {
  return changes.flatMap((change) => linesOf(change, depth))
}

function linesOf(change: Change, depth: number): readonly Line[] {
  const sign = SIGNS[change.change]
  const word = WORDS[change.kind] ?? change.kind
  const quoted = change.kind === 'resource' || change.name.includes('"') ? change.name : JSON.stringify(change.name)
  const named = change.match !== undefined && change.match !== change.name && (change.change === 'changed' || change.change === 'moved')
  const head = [word, quoted, named ? `(${change.match})` : ''].filter((text) => text !== '').join(' ')
  const whole = change.change === 'added' || change.change === 'removed'
  const own = whole ? change.facts.filter((fact) => fact.field !== true && !saidByName(fact, change)) : change.facts
  const short = whole || (own.length <= IN_LINE && own.every((fact) => factText(fact, change).length < 60))
  const inLine = short ? own.map((fact) => factText(fact, change)).join(', ') : ''
  const fields = whole ? change.facts.filter((fact) => fact.field === true) : short ? [] : own
  const below = whole ? fields.slice(0, MOST_FIELDS) : fields
  const moreFields = fields.length - below.length
  const shown = whole ? change.parts.slice(0, MOST_PARTS) : change.parts
  const more = change.parts.length - shown.length
  return [
    { sign, depth, text: plain(inLine === '' ? head : `${head}  ${inLine}`) },
    ...below.map((fact): Line => ({ sign, depth: depth + 1, text: plain(factText(fact, change)) })),
    ...(moreFields === 0 ? [] : [{ sign, depth: depth + 1, text: `and ${moreFields} more fields` } as const]),
    ...changeLines(shown, depth + 1),
    ...(more === 0 ? [] : [{ sign, depth: depth + 1, text: `and ${more} more` } as const]),
  ]
}

function factText({ name, old, new: now }: FactChange, { change }: Change): string {
  if (change === 'added') return factName(name, now ?? '')
  if (change === 'removed') return factName(name, old ?? '')
  return `${name} ${old ?? '(default)'} -> ${now ?? '(default)'}`
}

/** The match of a route without a name is its name already. */
const saidByName = (fact: FactChange, { name }: Change): boolean => fact.name === 'match' && (fact.new ?? fact.old) === name

/** An action speaks for itself. */
const factName = (name: string, value: string): string => (name === 'action' ? `-> ${value}` : `${name} ${value}`)

export function countText(changes: readonly Change[]): string {
  const counts = { added: 0, removed: 0, changed: 0, moved: 0 }
  const visit = (change: Change): void => {
    if (change.change !== 'changed' || change.facts.length > 0) counts[change.change]++
    if (change.change === 'changed' || change.change === 'moved') for (const part of change.parts) visit(part)
  }
  for (const change of changes) visit(change)
  const parts = Object.entries(counts).filter(([, count]) => count > 0)
  return parts.length === 0 ? 'no change' : parts.map(([name, count]) => `${count} ${name}`).join(', ')
}

/** Names up to a number of them. */
export function nameList(names: readonly string[], most: number): string {
  if (names.length === 0) return 'none'
  const more = names.length - most
  return plain(names.slice(0, most).join(', ') + (more > 0 ? ` and ${more} more` : ''))
}

export function bytesText(bytes: number): string {
  if (bytes < 10_000) return `${bytes} bytes`
  return bytes < 10_000_000 ? `${(bytes / 1000).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(0)} MB`
}
