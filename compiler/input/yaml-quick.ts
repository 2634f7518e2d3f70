/**
 * YAML as machines write it, read in one pass. In: text, and what to build of it; out: one node per document, or undefined for a text that has anything out of the ordinary:
 * anchors, tags, directives, explicit keys, repeated keys, and everything that may be a mistake. Those are left to the whole parser, whose trees need ten times the memory.
 * Invariant: what is read here reads the same there (yaml-quick.test.ts holds one against the other). Recursion is limited by the nesting that is taken.
 */
import { CST, Lexer } from 'yaml'

/** Makes nodes; `at` is where they begin, in characters. */
export interface YamlBuilder<Node> {
  scalar(text: string, style: 'plain' | 'quoted', at: number): Node
  /** a value that is not written */
  nothing(at: number): Node
  list(items: readonly Node[], at: number): Node
  /** keys in the order of the text, each once */
  map(keys: readonly YamlKey[], values: readonly Node[], at: number): Node
}

export interface YamlKey {
  readonly text: string
  readonly at: number
}

export function readQuickly<Node>(text: string, builder: YamlBuilder<Node>): readonly Node[] | undefined {
  // the lexer marks its tokens with some of these
  if (CONTROL.test(text)) return undefined
  const reader = new Reader(text, builder)
  try {
    return reader.documents()
  } catch (error) {
    if (error instanceof Unusual) return undefined
    throw error
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000e-\u001f]/
const NESTING_LIMIT = 200
const KEY_LIMIT = 1000

class Unusual extends Error {}
/** made once: a stack trace costs more than a small text */
const UNUSUAL = new Unusual()

type Kind = 'end' | 'document' | '-' | ':' | '{' | '}' | '[' | ']' | ',' | 'plain' | 'quoted' | 'block'

class Reader<Node> {
  private readonly builder: YamlBuilder<Node>
  private readonly tokens: Iterator<string>
  /** the token at hand */
  private kind: Kind = 'end'
  private source = ''
  private at = 0
  private column = 0
  /** it is the first of its line */
  private first = true
  /** column of the first token of its line that is no "-" */
  private indent = 0
  /** nothing but "-" was on its line before it */
  private fresh = true
  /** offset behind it, and of its line */
  private offset = 0
  private line = 0
  private depth = 0
  /** header of a block scalar */
  private header = ''

  constructor(text: string, builder: YamlBuilder<Node>) {
    this.builder = builder
    this.tokens = new Lexer().lex(text)
  }

  documents(): readonly Node[] {
    const nodes: Node[] = []
    this.next()
    if (this.kind === 'document') this.next()
    while (true) {
      if (!this.first) throw UNUSUAL
      // a document that is a single scalar is rare
      nodes.push(this.block(-1, 'collection'))
      if ((this.kind as Kind) === 'end') return nodes
      if ((this.kind as Kind) !== 'document') throw UNUSUAL
      this.next()
    }
  }

  /** The next token that says something; comments and white space are behind us. */
  private next(): void {
    this.first = this.offset === this.line
    this.fresh = this.first || (this.fresh && this.kind === '-')
    let spaced = this.first
    let rawPlain = false
    for (let token = this.tokens.next(); ; token = this.tokens.next()) {
      if (token.done === true) {
        this.kind = 'end'
        this.first = true
        this.column = -1
        return
      }
      const source: string = token.value
      const letter = source.charCodeAt(0)
      if (letter === 0x02) continue
      if (letter === 0x1f) {
        rawPlain = true
        continue
      }
      const at = this.offset
      this.offset += source.length
      if (rawPlain) {
        // none of these may begin a plain scalar
        if (/^[\t,%|>@`]/.test(source)) throw UNUSUAL
        return this.settle('plain', source, at)
      }
      if (source === '\n' || source === '\r\n') {
        this.line = this.offset
        this.first = true
        this.fresh = true
        spaced = true
        continue
      }
      switch (letter) {
        case 0x20:
          if (source.includes('\t')) throw UNUSUAL
          spaced = true
          continue
        case 0x23: // #
          if (!spaced) throw UNUSUAL
          continue
        case 0x22: // "
        case 0x27: // '
          return this.settle('quoted', source, at)
        case 0x7b:
        case 0x7d:
        case 0x5b:
        case 0x5d:
        case 0x2c:
        case 0x3a:
          if (source.length !== 1) throw UNUSUAL
          return this.settle(source as Kind, source, at)
        case 0x2d: // -
          if (source === '---') return this.settle('document', source, at)
          if (source.length !== 1) throw UNUSUAL
          return this.settle('-', source, at)
        case 0x7c: // |
        case 0x3e: // >
          return this.blockScalar(source, at)
        default:
          throw UNUSUAL
      }
    }
  }

  private settle(kind: Kind, source: string, at: number): void {
    this.kind = kind
    this.source = source
    this.at = at
    this.column = at - this.line
    if (this.fresh) this.indent = this.column
    if (kind === 'document') {
      if (this.column !== 0) throw UNUSUAL
      this.column = -1
    }
    const end = source.lastIndexOf('\n')
    if (end >= 0) this.line = at + end + 1
  }

  private blockScalar(header: string, at: number): void {
    if (!/^[|>][-+]?$/.test(header)) throw UNUSUAL
    this.settle('block', '', at)
    this.header = header
    for (let token = this.tokens.next(), raw = false; ; token = this.tokens.next()) {
      if (token.done === true) throw UNUSUAL
      const source: string = token.value
      if (source === '\u001f') {
        raw = true
        continue
      }
      this.offset += source.length
      if (raw) {
        this.source = source
        this.line = this.offset
        return
      }
      if (source !== '\n' && source !== '\r\n' && !/^ +$/.test(source)) throw UNUSUAL
    }
  }

  /** A node that begins at the token at hand, which is the first of a line or follows "-" on its line. */
  private block(outer: number, want: 'any' | 'collection'): Node {
    const { kind, column } = this
    if (++this.depth > NESTING_LIMIT) throw UNUSUAL
    let node: Node
    if (kind === '-') node = this.list(column)
    else if (kind === 'plain' || kind === 'quoted') node = this.mapOrScalar(column, outer, want)
    else if (kind === '[' || kind === '{') {
      node = this.flow(outer)
      if (!this.first) throw UNUSUAL
    } else if (kind === 'block') node = this.blockText()
    else throw UNUSUAL
    this.depth--
    return node
  }

  private list(column: number): Node {
    const { at } = this
    const items: Node[] = []
    do {
      const dash = this.offset
      this.next()
      if (!this.first) items.push(this.block(column, 'any'))
      else if (this.column > column) items.push(this.block(column, 'any'))
      else items.push(this.builder.nothing(dash))
    } while (this.kind === '-' && this.first && this.column === column)
    this.closes(column)
    return this.builder.list(items, at)
  }

  /** What follows a list or map has to belong to one that is further out. */
  private closes(column: number): void {
    if (!this.first || this.column >= column) throw UNUSUAL
  }

  private mapOrScalar(column: number, outer: number, want: 'any' | 'collection'): Node {
    const { kind, source, at, indent } = this
    this.next()
    if ((this.kind as Kind) !== ':' || this.first) {
      if (!this.first || want === 'collection') throw UNUSUAL
      return this.scalar(kind, source, at, indent)
    }
    const keys: YamlKey[] = []
    const values: Node[] = []
    const known = new Set<string>()
    let key: YamlKey = this.key(kind, source, at)
    while (true) {
      if (known.has(key.text)) throw UNUSUAL
      known.add(key.text)
      keys.push(key)
      values.push(this.value(column))
      if (!this.first || this.column !== column || (this.kind !== 'plain' && this.kind !== 'quoted')) break
      const { kind: next, source: text, at: begin } = this
      this.next()
      if ((this.kind as Kind) !== ':' || this.first) throw UNUSUAL
      key = this.key(next, text, begin)
    }
    this.closes(column)
    if (column <= outer) throw UNUSUAL
    return this.builder.map(keys, values, at)
  }

  private key(kind: Kind, source: string, at: number): YamlKey {
    if (source.includes('\n') || source.length > KEY_LIMIT || source === '<<') throw UNUSUAL
    return { text: kind === 'plain' ? source : this.resolved('quoted', source, at), at }
  }

  /** Of a member of a map at this column; the token at hand is ":". */
  private value(column: number): Node {
    const colon = this.offset
    this.next()
    if (!this.first && this.at === colon) throw UNUSUAL
    if (this.first) {
      if (this.column > column) return this.block(column, 'any')
      if (this.column === column && this.kind === '-') return this.sameColumnList(column)
      return this.builder.nothing(colon)
    }
    const { kind, source, at, indent } = this
    if (kind === 'plain' || kind === 'quoted') {
      this.next()
      if (!this.first) throw UNUSUAL
      return this.scalar(kind, source, at, indent)
    }
    if (kind === 'block') return this.blockText()
    if (kind !== '[' && kind !== '{') throw UNUSUAL
    const node = this.flow(column)
    if (!this.first) throw UNUSUAL
    return node
  }

  /** A list may stand as far left as the key that holds it. */
  private sameColumnList(column: number): Node {
    const { at } = this
    if (++this.depth > NESTING_LIMIT) throw UNUSUAL
    const items: Node[] = []
    do {
      const dash = this.offset
      this.next()
      if (!this.first || this.column > column) items.push(this.block(column, 'any'))
      else items.push(this.builder.nothing(dash))
    } while (this.kind === '-' && this.first && this.column === column)
    this.depth--
    return this.builder.list(items, at)
  }

  private blockText(): Node {
    const { at, source, header, indent } = this
    const props: CST.SourceToken[] = [{ type: 'block-scalar-header', offset: at, indent, source: header }]
    const text = resolve({ type: 'block-scalar', offset: at, indent, props, source })
    this.next()
    if (!this.first) throw UNUSUAL
    return this.builder.scalar(text, 'quoted', at)
  }

  private scalar(kind: Kind, source: string, at: number, indent: number): Node {
    const style = kind === 'plain' ? 'plain' : 'quoted'
    // a text over several lines has to be indented more than what holds it; the parser knows by how much
    if (source.includes('\n') && indent === 0 && style === 'quoted') throw UNUSUAL
    return this.builder.scalar(style === 'plain' && !source.includes('\n') ? source : this.resolved(style, source, at), style, at)
  }

  private resolved(style: 'plain' | 'quoted', source: string, at: number): string {
    if (style === 'quoted' && source.length >= 2 && source.endsWith(source.charAt(0)) && !/[\\\n]/.test(source)) {
      const inner = source.slice(1, -1)
      if (!inner.includes(source.charAt(0))) return inner
    }
    const type = style === 'plain' ? 'scalar' : source.startsWith('"') ? 'double-quoted-scalar' : 'single-quoted-scalar'
    return resolve({ type, offset: at, indent: 0, source })
  }

  /** A list or map in brackets; afterwards the token behind it is at hand. Its lines have to be indented more than `outer`. */
  private flow(outer: number): Node {
    const { at, kind } = this
    const list = kind === '['
    const close = list ? ']' : '}'
    if (++this.depth > NESTING_LIMIT) throw UNUSUAL
    const keys: YamlKey[] = []
    const items: Node[] = []
    const known = new Set<string>()
    this.inside(outer)
    while ((this.kind as Kind) !== close) {
      if (!list) {
        const { kind: style, source, at: begin } = this
        if (style !== 'plain' && style !== 'quoted') throw UNUSUAL
        const key = this.key(style, source, begin)
        if (known.has(key.text)) throw UNUSUAL
        known.add(key.text)
        keys.push(key)
        this.inside(outer)
        if ((this.kind as Kind) !== ':' || this.first) throw UNUSUAL
        this.inside(outer)
      }
      items.push(this.flowValue(outer))
      if ((this.kind as Kind) === ',') this.inside(outer)
      else if ((this.kind as Kind) !== close) throw UNUSUAL
    }
    this.next()
    this.depth--
    return list ? this.builder.list(items, at) : this.builder.map(keys, items, at)
  }

  private flowValue(outer: number): Node {
    const { kind, source, at } = this
    if (kind === '[' || kind === '{') {
      const node = this.flow(outer)
      if (this.first && this.column <= outer) throw UNUSUAL
      return node
    }
    if ((kind !== 'plain' && kind !== 'quoted') || source.includes('\n')) throw UNUSUAL
    this.inside(outer)
    return this.scalar(kind, source, at, 1)
  }

  private inside(outer: number): void {
    this.next()
    if (this.first && this.column <= outer) throw UNUSUAL
  }
}

function resolve(token: CST.FlowScalar | CST.BlockScalar): string {
  const { value } = CST.resolveAsScalar(token, true, () => {
    throw UNUSUAL
  })
  return value
}
