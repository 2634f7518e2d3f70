/**
 * Positions in YAML. In: the bytes of a text that parsed; out: the character offset of a pointer: of the key of a member, of the value of an element.
 * The text is read again when first asked, because places are seldom needed. Aliases are followed to what they stand for.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml'
import { camel } from './json-object.ts'
import type { Positions } from './position.ts'
import { readQuickly, type YamlBuilder } from './yaml-quick.ts'
import { parseTrees } from './yaml-text.ts'

/** One place in the text and what is below it. */
interface Marked {
  readonly at: number
  readonly items?: readonly Marked[]
  readonly keys?: readonly string[]
  /** offsets of the keys */
  readonly starts?: readonly number[]
}

const MARKS: YamlBuilder<Marked> = {
  scalar: (_text, _style, at) => ({ at }),
  nothing: (at) => ({ at }),
  list: (items, at) => ({ at, items }),
  map: (keys, items, at) => ({ at, items, keys: keys.map(({ text }) => text), starts: keys.map((key) => key.at) }),
}

interface Found {
  readonly at: number
  readonly node: unknown
}

type Member = (node: unknown, step: string | number, document: number) => Found | undefined

export function createYamlPositions(bytes: Uint8Array): Positions {
  let roots: readonly Found[] | undefined
  let member: Member = markedMember
  const open = (): readonly Found[] => {
    const text = new TextDecoder().decode(bytes)
    const marked = readQuickly(text, MARKS)
    if (marked !== undefined) return marked.map((node) => ({ at: node.at, node }))
    const documents = parseTrees(text).documents.map(({ document }) => document)
    member = (node, step, index) => treeMember(documents[index], node, step)
    return documents.map(({ contents }) => ({ at: startOf(contents) ?? 0, node: contents }))
  }
  return {
    offset(start, pointer) {
      roots ??= open()
      let found = roots[start]
      let shown = found?.at ?? 0
      for (const step of pointer) {
        found = found && member(found.node, step, start)
        if (found === undefined) break
        shown = found.at
      }
      return shown
    },
  }
}

function markedMember(node: unknown, step: string | number): Found | undefined {
  const { items, keys, starts } = node as Marked
  if (items === undefined) return undefined
  if (keys === undefined) {
    const item = items[Number(step)]
    return item && { at: item.at, node: item }
  }
  const name = String(step)
  const exact = keys.lastIndexOf(name)
  const index = exact >= 0 ? exact : keys.lastIndexOf(camel(name))
  return index < 0 ? undefined : { at: starts?.[index] ?? 0, node: items[index] }
}

function treeMember(document: Document.Parsed | undefined, given: unknown, step: string | number): Found | undefined {
  const node = isAlias(given) && document !== undefined ? given.resolve(document) : given
  if (isSeq(node)) {
    const value = node.items[Number(step)]
    return value === undefined ? undefined : { at: startOf(value) ?? startOf(node) ?? 0, node: value }
  }
  if (!isMap(node)) return undefined
  const name = String(step)
  const text = (key: unknown) => (isScalar(key) ? String(key.value) : undefined)
  const pair = node.items.findLast(({ key }) => text(key) === name) ?? node.items.findLast(({ key }) => text(key) === camel(name))
  return pair && { at: startOf(pair.key) ?? startOf(pair.value) ?? startOf(node) ?? 0, node: pair.value }
}

function startOf(node: unknown): number | undefined {
  return (node as Partial<Node> | undefined | null)?.range?.[0]
}
