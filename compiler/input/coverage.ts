/**
 * What became of every set field. In: decoded resources after everybody has read what they understand, and the fate tables (parse/fates.ts);
 * out: per path pattern (indices and keys dropped) the classes with their counts. Invariant: every leaf of every resource is counted exactly once:
 * scalars and lists of scalars once a field, Structs and unknown Any once, messages by their fields, an empty message as itself.
 *
 * Who decides, first match: a mark on the message or the field (for everything below it), a read (`compiled`), the fate of the field, the fate `*`
 * of its message, the longest prefix of its message's type, a second field of a oneof (`rejected`), else `unclassified`. A fate on a message field holds for everything below it;
 * what nobody classified stays unclassified below, but for the payload of an Any, whose own type may have a fate.
 */
import type { FieldClass } from './cursor.ts'
import { type Mark, Message, RawAny } from './message.ts'
import type { Field, ValueKind } from './schema.ts'

export type Fate = Mark

export interface Fates {
  /** full message type -> field name, or `*` for the fields that are not named -> fate, when nobody read the field */
  readonly fields: Readonly<Record<string, Readonly<Record<string, Fate>>>>
  /** beginning of full message types, also of unknown Any types -> fate of what nobody read in them; the longest prefix counts */
  readonly prefixes: Readonly<Record<string, Fate>>
}

export type CoverageClass = FieldClass | 'unclassified'

export interface CoverageField {
  /** e.g. cds[].load_assignment.endpoints[].lb_endpoints[].endpoint.address.socket_address.port_value */
  readonly path: string
  readonly class: CoverageClass
  readonly count: number
  readonly reason?: string
}

export interface Coverage {
  readonly unclassified: number
  readonly classes: Readonly<Record<FieldClass, number>>
  /** by path, then class, then reason */
  readonly fields: readonly CoverageField[]
}

export interface CoverageRoot {
  /** e.g. `cds` */
  readonly kind: string
  /** full message name; the beginning of the path where the kind is `other` */
  readonly type: string
  readonly content: Message | RawAny
  /** a class for the whole resource, for instance because nothing refers to it */
  readonly mark?: Mark
}

const COMPILED: Mark = { class: 'compiled', reason: '' }
/** Of two fields of one choice somebody read one; the decoder has refused both. */
const SECOND: Mark = { class: 'rejected', reason: 'a second field of one choice, which Envoy refuses' }
const UNCLASSIFIED = { class: 'unclassified', reason: '' } as const

/** A resource of a type that the fates do not name; it has been warned about. */
const STRANGER: Mark = { class: 'ignored-safe', reason: 'nothing that is compiled refers to a resource of this type' }

type Outcome = { readonly class: CoverageClass; readonly reason: string }

/** A path pattern; counts are kept by outcome object first, because few distinct ones exist. */
class Pattern {
  readonly children = new Map<string, Pattern>()
  readonly counts = new Map<Outcome, number>()

  child(name: string): Pattern {
    const known = this.children.get(name)
    if (known) return known
    const made = new Pattern()
    this.children.set(name, made)
    return made
  }

  count(outcome: Outcome): void {
    this.counts.set(outcome, (this.counts.get(outcome) ?? 0) + 1)
  }
}

export function measureCoverage(roots: readonly CoverageRoot[], fates: Fates): Coverage {
  const walker = new Walker(fates)
  const patterns = new Map<string, Pattern>()
  for (const root of roots) {
    const name = root.kind === 'bootstrap' ? root.kind : `${root.kind === 'other' ? root.type : root.kind}[]`
    const known = patterns.get(name)
    const pattern = known ?? new Pattern()
    if (known === undefined) patterns.set(name, pattern)
    walker.root(root, pattern)
  }
  const fields: CoverageField[] = []
  for (const [name, pattern] of patterns) collect(pattern, name, fields)
  return totalled(fields)
}

/** The coverage of all resources, when instead of those of `gone` there are those of `come`. */
export function exchanged(all: Coverage, gone: readonly Coverage[], come: readonly Coverage[]): Coverage {
  const fields = new Map<string, CoverageField>()
  const add = (coverage: Coverage, sign: 1 | -1): void => {
    for (const field of coverage.fields) {
      const key = JSON.stringify([field.path, field.class, field.reason])
      const known = fields.get(key)
      fields.set(key, { ...field, count: (known?.count ?? 0) + sign * field.count })
    }
  }
  add(all, 1)
  for (const one of gone) add(one, -1)
  for (const one of come) add(one, 1)
  return totalled([...fields.values()].filter(({ count }) => count > 0))
}

function totalled(fields: CoverageField[]): Coverage {
  fields.sort((a, b) => compare(a.path, b.path) || compare(a.class, b.class) || compare(a.reason ?? '', b.reason ?? ''))
  const classes = { compiled: 0, equivalent: 0, 'ignored-safe': 0, diverted: 0, rejected: 0, unclassified: 0 }
  for (const field of fields) classes[field.class] += field.count
  const { unclassified, ...known } = classes
  return { unclassified, classes: known, fields }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function collect(pattern: Pattern, path: string, into: CoverageField[]): void {
  const merged = new Map<string, CoverageField>()
  for (const [outcome, count] of pattern.counts) {
    const key = `${outcome.class} ${outcome.reason}`
    const total = count + (merged.get(key)?.count ?? 0)
    merged.set(key, { path, class: outcome.class, count: total, ...(outcome.reason === '' ? {} : { reason: outcome.reason }) })
  }
  into.push(...merged.values())
  for (const [name, child] of pattern.children) collect(child, `${path}.${name}`, into)
}

class Walker {
  private readonly fields: ReadonlyMap<string, ReadonlyMap<string, Fate>>
  private readonly prefixes: readonly (readonly [string, Fate])[]
  private readonly byType = new Map<string, Fate | undefined>()

  constructor(fates: Fates) {
    this.fields = new Map(Object.entries(fates.fields).map(([type, fields]) => [type, new Map(Object.entries(fields))]))
    this.prefixes = Object.entries(fates.prefixes).sort(([a], [b]) => b.length - a.length)
  }

  root({ kind, type, content, mark }: CoverageRoot, pattern: Pattern): void {
    const fate = mark ?? (kind === 'other' && !this.fields.has(type) && this.ofType(type) === undefined ? STRANGER : undefined)
    if (content instanceof RawAny) pattern.count(fate ?? this.rawAny(content, COMPILED))
    else this.message(content, pattern, fate)
  }

  /** `empty`: what a message without fields counts as */
  message(message: Message, pattern: Pattern, inherited: Outcome | undefined, empty: Outcome = COMPILED): void {
    const { fields, type } = message.shape
    const mark = inherited ?? message.mark(-1)
    if (fields.length === 0) {
      pattern.count(mark ?? empty)
      return
    }
    for (let slot = 0; slot < fields.length; slot++) {
      const field = fields[slot]
      if (field === undefined) continue
      const known = mark ?? message.mark(slot) ?? (message.isRead(slot) ? COMPILED : this.fate(type.name, field.name))
      const outcome = known === UNCLASSIFIED && isSecond(field, fields) ? SECOND : known
      const suffix = field.repeated || field.map !== undefined ? `${field.name}[]` : field.name
      const child = pattern.child(suffix)
      const count = message.count(slot)
      if (count === 0 || !isNode(message.item(slot, 0))) this.value(message.at(slot), child, outcome, field.kind)
      else {
        for (let index = 0; index < count; index++) {
          const item = message.item(slot, index)
          this.value(Array.isArray(item) ? item[1] : item, child, outcome, field.kind)
        }
      }
    }
  }

  private value(value: unknown, pattern: Pattern, outcome: Outcome, kind: ValueKind): void {
    if (value instanceof Message) {
      if (outcome === COMPILED) this.message(value, pattern, undefined)
      else if (outcome !== UNCLASSIFIED || kind !== 'any') this.message(value, pattern, outcome)
      else this.message(value, pattern, this.ofType(value.shape.type.name), UNCLASSIFIED)
    } else if (value instanceof RawAny) {
      pattern.count(this.rawAny(value, outcome))
    } else pattern.count(outcome)
  }

  private rawAny(any: RawAny, outcome: Outcome): Outcome {
    if (outcome !== COMPILED && outcome !== UNCLASSIFIED) return outcome
    return any.mark ?? (any.read ? COMPILED : (this.ofType(any.typeName) ?? UNCLASSIFIED))
  }

  private fate(type: string, field: string): Outcome {
    const fates = this.fields.get(type)
    return fates?.get(field) ?? fates?.get('*') ?? this.ofType(type) ?? UNCLASSIFIED
  }

  private ofType(type: string): Fate | undefined {
    if (this.byType.has(type)) return this.byType.get(type)
    const fate = this.fields.get(type)?.get('*') ?? this.prefixes.find(([prefix]) => type.startsWith(prefix))?.[1]
    this.byType.set(type, fate)
    return fate
  }
}

/** whether another field of the same choice is set */
function isSecond({ name, oneof }: Field, fields: readonly Field[]): boolean {
  return oneof !== undefined && fields.some((other) => other.oneof === oneof && other.name !== name)
}

/** a message, an Any, or the entry of a map with one of these */
function isNode(value: unknown): boolean {
  return (
    value instanceof Message ||
    value instanceof RawAny ||
    (Array.isArray(value) && (value[1] instanceof Message || value[1] instanceof RawAny))
  )
}
