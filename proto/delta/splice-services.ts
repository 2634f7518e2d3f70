/** The resources of a services document after a delta. In: the old list, splices. Out: the new list; undefined where a splice leads beyond the list. */
import type { ResourceSplice } from './format.ts'

export function spliceResources<T>(
  old: readonly T[],
  splices: readonly (Omit<ResourceSplice, 'insert'> & { readonly insert: readonly T[] })[],
): readonly T[] | undefined {
  const made: T[] = []
  let at = 0
  for (const splice of splices) {
    if (splice.at < at || splice.at + splice.remove > old.length) return undefined
    made.push(...old.slice(at, splice.at), ...splice.insert)
    at = splice.at + splice.remove
  }
  return [...made, ...old.slice(at)]
}
