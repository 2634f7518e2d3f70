/**
 * YAML text to plain values, as Envoy's YAML reader sees them. In: text; out: one value per document, its mistakes with offsets, repeated keys.
 * Envoy (source/common/protobuf/yaml_utility.cc) turns plain scalars into booleans (also yes, no, on, off), into whole numbers, else into texts,
 * which then fit floats too; keys tagged `!ignore` are dropped. Invariant: aliases cannot expand without limit.
 */
import { type Document, isScalar, Lexer, parseAllDocuments, type ScalarTag, visit } from 'yaml'
import { readQuickly, type YamlBuilder } from './yaml-quick.ts'
import { BOOLEAN, INTEGER, integerOf, isTrue, NULL, plainValue } from './yaml-scalar.ts'

export interface YamlMistake {
  readonly message: string
  /** in characters of the text */
  readonly offset: number
  readonly kind: 'syntax' | 'repeated key' | 'aliases' | 'depth'
}

export interface YamlText {
  readonly values: readonly unknown[]
  readonly mistakes: readonly YamlMistake[]
}

export interface YamlTrees {
  readonly documents: readonly { readonly value: unknown; readonly document: Document.Parsed }[]
  readonly mistakes: readonly YamlMistake[]
}

/** Where the quick reader cannot read a text, the parser needs up to a second and 140 MB for each MB of it. */
export const YAML_LIMIT = 10 * 1024 * 1024
/** Collection aliases that one document may expand; real files have a few dozen. */
const ALIAS_LIMIT = 1000
/** More than a text of the largest size can write out. */
const NODE_LIMIT = 5_000_000
const IGNORED = '\u0000ignored'

const nullTag: ScalarTag = {
  identify: (value) => value === null,
  tag: 'tag:yaml.org,2002:null',
  default: true,
  test: NULL,
  resolve: () => null,
}
const boolTag: ScalarTag = {
  identify: (value) => typeof value === 'boolean',
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  test: BOOLEAN,
  resolve: isTrue,
}
const intTag: ScalarTag = {
  identify: (value) => typeof value === 'number',
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: INTEGER,
  resolve: integerOf,
}
const ignoreTag: ScalarTag = { tag: '!ignore', resolve: (text) => text }

/** Plain values. */
export const VALUES: YamlBuilder<unknown> = {
  scalar: (text, style) => (style === 'plain' ? plainValue(text) : text),
  nothing: () => null,
  list: (items) => items,
  map(keys, values) {
    const made: Record<string, unknown> = {}
    for (const [index, { text }] of keys.entries()) {
      // a key of the prototype is a key like others
      if (text in made) Object.defineProperty(made, text, { value: values[index], writable: true, enumerable: true, configurable: true })
      else made[text] = values[index]
    }
    return made
  },
}

export function parseYaml(text: string): YamlText {
  const values = readQuickly(text, VALUES)
  if (values !== undefined) return { values, mistakes: [] }
  const { documents, mistakes } = parseTrees(text)
  return { values: documents.map(({ value }) => value), mistakes }
}

/** The whole of YAML, with its nodes. */
export function parseTrees(text: string): YamlTrees {
  const mistakes: YamlMistake[] = []
  const documents: { value: unknown; document: Document.Parsed }[] = []
  const deep = tooDeep(text)
  if (deep !== undefined) return { documents, mistakes: [{ message: '', offset: deep, kind: 'depth' }] }
  let parsed: readonly Document.Parsed[]
  try {
    parsed = parseAllDocuments(text, {
      schema: 'failsafe',
      customTags: (tags) => [...tags, nullTag, boolTag, intTag, ignoreTag],
      prettyErrors: false,
      logLevel: 'error',
      strict: true,
      stringKeys: true,
    }) as readonly Document.Parsed[]
  } catch (error) {
    return { documents, mistakes: [{ message: told(error), offset: 0, kind: error instanceof RangeError ? 'depth' : 'syntax' }] }
  }
  for (const document of parsed) {
    let broken = false
    for (const { code, message, pos } of document.errors) {
      if (message.startsWith('With stringKeys') && text.startsWith('!ignore', pos[0])) continue
      const kind = code === 'DUPLICATE_KEY' ? 'repeated key' : message.startsWith('Maximum call stack') ? 'depth' : 'syntax'
      if (kind !== 'repeated key' && broken) continue
      if (kind !== 'repeated key') broken = true
      mistakes.push({ message: kind === 'syntax' ? told(message) : '', offset: pos[0], kind })
    }
    if (broken) continue
    try {
      const ignored = text.includes('!ignore') && renameIgnored(document)
      const value = document.toJS({ maxAliasCount: ALIAS_LIMIT }) as unknown
      if (ignored) removeIgnored(value)
      if (text.includes('*') && countNodes(value, NODE_LIMIT) > NODE_LIMIT) {
        mistakes.push({ message: '', offset: document.range[0], kind: 'aliases' })
        continue
      }
      documents.push({ value, document })
    } catch (error) {
      const kind = error instanceof RangeError ? 'depth' : told(error).includes('alias count') ? 'aliases' : 'syntax'
      mistakes.push({ message: told(error), offset: document.range[0], kind })
    }
  }
  return { documents, mistakes }
}

/** Flow nesting and nested entries of one line are the only cheap ways to nest deeply, and the parser works by recursion. */
const NESTING_LIMIT = 300

function tooDeep(text: string): number | undefined {
  let flow = 0
  let entries = 0
  let at = 0
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') flow++
    else if (token === ']' || token === '}') flow--
    else if (token === '-' || token === '?' || token === ':') entries++
    else if (token.includes('\n')) entries = 0
    if (flow > NESTING_LIMIT || (flow === 0 && entries > NESTING_LIMIT)) return at
    if (token !== '\u0002' && token !== '\u0018' && token !== '\u001f') at += token.length
  }
  return undefined
}

/** Keys tagged `!ignore` get a name of ours, because their anchors are still needed; whether there are any. */
function renameIgnored(document: Document.Parsed): boolean {
  let found = false
  visit(document, {
    Pair(_, { key }) {
      if (!isScalar(key) || key.tag !== '!ignore') return
      key.value = IGNORED
      found = true
    },
  })
  return found
}

function removeIgnored(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (Object.hasOwn(value, IGNORED)) delete (value as Record<string, unknown>)[IGNORED]
  for (const held of Object.values(value)) removeIgnored(held)
}

/** Nodes with all aliases written out; stops counting beyond the limit. */
function countNodes(value: unknown, limit: number): number {
  if (typeof value !== 'object' || value === null) return 1
  let count = 1
  for (const held of Object.values(value)) {
    count += countNodes(held, limit - count)
    if (count > limit) break
  }
  return count
}

function told(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return (text.split('\n')[0] ?? '').replace(/ at line \d+.*$/, '').replace(/:$/, '')
}
