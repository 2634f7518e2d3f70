/**
 * Items as a text that is easy to read and to compare line by line. In: items. Out: one line an item, its facts behind it, its other fields and its parts below; stable:
 * in order of name where order has no meaning.
 */
import { plain } from '../diag/render.ts'
import { byName } from './compare.ts'
import { fieldsOf } from './fields.ts'
import type { Item } from './item.ts'

export function itemText(items: readonly Item[], depth = 0): readonly string[] {
  const inOrder = items.every(({ ordered }) => ordered === true)
  const sorted = inOrder ? items : stable(items)
  return sorted.flatMap((item) => {
    const facts = Object.entries(item.facts)
      .filter(([name, value]) => name !== 'match' || value !== item.name)
      .map(([name, value]) => (name === 'action' ? `-> ${value}` : `${name} ${value}`))
    const name = item.kind === 'resource' || item.name.includes('"') ? item.name : JSON.stringify(item.name)
    const head = [...(item.kind === 'resource' ? [] : [item.kind]), name, ...facts].join('  ')
    const fields = [...fieldsOf(item.rest ?? {})].map(([field, value]) => `${'  '.repeat(depth + 1)}${plain(`${field}: ${value}`)}`)
    return [`${'  '.repeat(depth)}${plain(head)}`, ...fields, ...itemText(item.parts, depth + 1)]
  })
}

/** Unordered ones by kind and name; ordered ones among them keep their order, behind. */
function stable(items: readonly Item[]): readonly Item[] {
  const free = items.filter(({ ordered }) => ordered !== true)
  const ordered = items.filter((item) => item.ordered === true)
  return [...[...free].sort((a, b) => byName(a.kind, b.kind) || byName(a.name, b.name)), ...ordered]
}
