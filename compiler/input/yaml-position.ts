/**
 * Positions in YAML. In: the bytes of a text that parsed; out: the character offset of a pointer: of the key of a member, of the value of an element.
 * The text is parsed again when first asked, because its nodes are large and seldom needed. Aliases are followed to what they stand for.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml'
import type { Positions } from './position.ts'
import { camel } from './json-object.ts'
import { parseYaml } from './yaml-text.ts'

export function createYamlPositions(bytes: Uint8Array): Positions {
  let documents: readonly Document.Parsed[] | undefined
  return {
    offset(start, pointer) {
      documents ??= parseYaml(new TextDecoder().decode(bytes)).documents.map(({ document }) => document)
      const document = documents[start]
      if (document === undefined) return 0
      let node: unknown = document.contents
      let shown = startOf(node) ?? 0
      for (const step of pointer) {
        const found = member(isAlias(node) ? node.resolve(document) : node, step)
        if (found === undefined) break
        shown = startOf(found.key) ?? startOf(found.value) ?? shown
        node = found.value
      }
      return shown
    },
  }
}

function member(node: unknown, step: string | number): { readonly key: unknown; readonly value: unknown } | undefined {
  if (isSeq(node)) {
    const value = node.items[Number(step)]
    return value === undefined ? undefined : { key: undefined, value }
  }
  if (!isMap(node)) return undefined
  const name = String(step)
  const text = (key: unknown) => (isScalar(key) ? String(key.value) : undefined)
  return node.items.findLast(({ key }) => text(key) === name) ?? node.items.findLast(({ key }) => text(key) === camel(name))
}

function startOf(node: unknown): number | undefined {
  return (node as Partial<Node> | undefined | null)?.range?.[0]
}
