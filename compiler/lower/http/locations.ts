/**
 * Location of redirects as parts. In: a redirect and the path condition of its route. Out: parts, or why user space must write it. compiler/action/location.ts is the
 * meaning, for a request without x-forwarded-proto over a plain connection: one that has the header is user space's.
 */
import type { RedirectAction } from '../../http/model.ts'
import { bytesOf } from '../../match/byte-text.ts'
import type { Match } from '../../match/table.ts'
import { rewriteTarget } from './path-rewrites.ts'
import { merged, type Told, told, type Value, type ValuePart } from './values.ts'

type Location = Exclude<Told, { readonly kind: 'absent' }>

/** The request's own URI. */
export function ownLocation(): Value {
  return [{ kind: 'text', text: 'http://' }, { kind: 'host' }, { kind: 'target', from: 0 }]
}

export function locationOf(action: RedirectAction, match: readonly Match[]): Location {
  const scheme = action.scheme === 'keep' ? 'http' : action.scheme === 'https' ? 'https' : action.scheme.text
  const path = pathOf(action, match)
  if (path.kind === 'slow') return path
  const [first, ...others] = path.value
  const replaced = first?.kind === 'replaced'
  const rooted =
    first?.kind === 'text' ? first.text.startsWith('/') : first?.kind === 'target' || first?.kind === 'path' ? first.from === 0 : replaced
  // what is not known to begin with a slash cannot be given one here
  if (!rooted && first?.kind !== 'text') return { kind: 'slow', why: 'a redirect to a path that may lack its slash' }
  return told(
    ...merged([
      { kind: 'text', text: `${bytesOf(scheme)}://` },
      ...hostOf(action, scheme),
      { kind: 'text', text: `${action.port === undefined ? '' : `:${action.port}`}${rooted ? '' : '/'}` },
      ...(replaced ? [{ ...first, needed: 'slash' } as const, ...others] : path.value),
    ]),
  )
}

/** The request's own host keeps its port, unless the redirect names another or leaves http with port 80. */
function hostOf({ host, port }: RedirectAction, scheme: string): Value {
  if (host !== undefined) return [{ kind: 'text', text: bytesOf(host) }]
  if (port !== undefined) return [{ kind: 'host_name', port: 'any' }]
  return scheme === 'http' ? [{ kind: 'host' }] : [{ kind: 'host_name', port: '80' }]
}

function pathOf({ pathRewrite, stripQuery }: RedirectAction, match: readonly Match[]): Location {
  if (pathRewrite?.kind === 'whole') {
    const text: ValuePart = { kind: 'text', text: bytesOf(pathRewrite.text) }
    // a query in path_redirect stays, and there is no other
    return pathRewrite.text.includes('?') || stripQuery ? told(text) : told(text, { kind: 'target', from: 'query' })
  }
  const target = rewriteTarget(pathRewrite, match, () => ({ kind: 'slow', why: 'a format' }))
  if (target.kind === 'slow') return target
  const value: Value = target.kind === 'same' ? [{ kind: 'target', from: 0 }] : target.value
  return stripQuery ? withoutQuery(value) : told(...value)
}

function withoutQuery(value: Value): Location {
  const kept: ValuePart[] = []
  for (const part of value) {
    if (part.kind === 'text') {
      const mark = part.text.indexOf('?')
      kept.push(mark < 0 ? part : { kind: 'text', text: part.text.slice(0, mark) })
      if (mark >= 0) break
    } else if (part.kind !== 'target') kept.push(part)
    else if (part.from !== 'query') kept.push({ kind: 'path', from: part.from })
  }
  return told(...merged(kept))
}
