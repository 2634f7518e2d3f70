/**
 * What changes in the services document. In: the sources of both artifacts. Out: splices of its list of resources, or why splices will not do.
 * Both lists are in the same order (compiler/services-document.ts), so that one walk finds what came, went and changed.
 */
import type { ResourceSplice } from '../../proto/delta/format.ts'
import { spliceResources } from '../../proto/delta/splice-services.ts'
import { readServicesDocument, SERVICES_FILE, type ServicesDocument } from '../../proto/http/services.ts'

export type ServiceSplices =
  | { readonly kind: 'splices'; readonly splices: readonly ResourceSplice[] }
  | { readonly kind: 'other'; readonly why: string }

type Sources = ReadonlyMap<string, Uint8Array>
type Fields = Readonly<Record<string, unknown>>

export function serviceSplices(base: Sources, next: Sources): ServiceSplices {
  const [before, after] = [documentOf(base), documentOf(next)]
  if (before === undefined || after === undefined)
    return before === after ? { kind: 'splices', splices: [] } : { kind: 'other', why: 'HTTP services come or go' }
  const frame = ({ resources: _, ...rest }: ServicesDocument): string => JSON.stringify(rest)
  if (frame(before) !== frame(after)) return { kind: 'other', why: '--resolve or --plaintext-to differ' }
  const splices = splicesOf(before.resources, after.resources)
  const made = spliceResources(before.resources, splices)
  // the order is the compiler's own; should it ever be another, nothing wrong is written
  if (JSON.stringify(made) !== JSON.stringify(after.resources)) return { kind: 'other', why: 'the order of resources differs' }
  return { kind: 'splices', splices }
}

function documentOf(sources: Sources): ServicesDocument | undefined {
  const bytes = sources.get(SERVICES_FILE)
  return bytes === undefined ? undefined : readServicesDocument(bytes)
}

/** Names are unique within a kind; of anything else the whole text is its name. */
function keyOf(resource: Fields): string {
  const name = resource.name ?? resource.cluster_name
  return typeof name === 'string' ? `${String(resource['@type'])} ${name}` : JSON.stringify(resource)
}

function splicesOf(before: readonly Fields[], after: readonly Fields[]): readonly ResourceSplice[] {
  const stays = new Set(after.map(keyOf))
  const was = new Set(before.map(keyOf))
  const splices: { at: number; remove: number; insert: Fields[] }[] = []
  const spliceAt = (at: number): (typeof splices)[number] => {
    const last = splices.at(-1)
    if (last !== undefined && last.at + last.remove === at) return last
    const made = { at, remove: 0, insert: [] }
    splices.push(made)
    return made
  }
  let at = 0
  for (const resource of after) {
    while (at < before.length && !stays.has(keyOf(before[at] as Fields))) spliceAt(at++).remove++
    const old = before[at]
    if (!was.has(keyOf(resource)) || old === undefined) spliceAt(at).insert.push(resource)
    else {
      if (JSON.stringify(old) !== JSON.stringify(resource)) {
        const splice = spliceAt(at)
        splice.remove++
        splice.insert.push(resource)
      }
      at++
    }
  }
  while (at < before.length) spliceAt(at++).remove++
  return splices
}
