/**
 * Rewritten targets as parts. In: a rewrite and the path condition of its route. Out: parts of the new target with its query, `same`, or why user space must make it.
 * compiler/action/path-rewrite.ts is the meaning.
 */
import type { PathRewrite, Template } from '../../http/model.ts'
import { bytesOf } from '../../match/byte-text.ts'
import type { Match } from '../../match/table.ts'
import { constantOf, isSure, merged, type Told, type Value } from './values.ts'

export type RewrittenTarget =
  | { readonly kind: 'same' }
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'slow'; readonly why: string }

const REST_OF_QUERY = { kind: 'target', from: 'query' } as const

export function rewriteTarget(
  rewrite: PathRewrite | undefined,
  match: readonly Match[],
  tell: (template: Template) => Told,
): RewrittenTarget {
  switch (rewrite?.kind) {
    case undefined:
      return { kind: 'same' }
    case 'prefix':
      return value(text(rewrite.text), { kind: 'target', from: matchedBytes(match) })
    case 'whole':
      return rewrite.text === '' ? { kind: 'same' } : value(text(rewrite.text), REST_OF_QUERY)
    case 'format': {
      const told = tell(rewrite.template)
      if (told.kind !== 'value') return told.kind === 'slow' ? told : { kind: 'same' }
      if (constantOf(told.value) === '') return { kind: 'same' }
      return isSure(told.value) ? value(...told.value, REST_OF_QUERY) : { kind: 'slow', why: 'path_rewrite to what may be nothing' }
    }
    case 'regex':
      return rewriteByRegex(rewrite.regex.source, rewrite.substitution, match)
    case 'template':
      return { kind: 'slow', why: 'path_rewrite_policy' }
    case 'unknown':
      return { kind: 'slow', why: `the path rewrite policy ${rewrite.type}` }
  }
}

/** What prefix_rewrite replaces, in bytes: what the path condition matched. 'query': all of the path. Source: compiler/match (matched). */
export function matchedBytes([path]: readonly Match[]): number | 'query' {
  switch (path?.kind) {
    case 'prefix':
    case 'path_separated_prefix':
      return bytesOf(path.text).length
    case 'path':
    case 'safe_regex':
    case 'path_match_policy':
      return 'query'
    default:
      return 0
  }
}

/** "^literal" or "^literal(.*)$", where every path of the route begins with the literal, are parts of the path; anything else is an automaton's work. */
function rewriteByRegex(pattern: string, substitution: string, match: readonly Match[]): RewrittenTarget {
  const found = value({ kind: 'replaced', pattern, substitution: bytesOf(substitution), needed: 'something' }, REST_OF_QUERY)
  const [, quoted, capture] = /^\^((?:[\w/~%@!,:;&=#-]|\\[^\w\s])*)(\(\.\*\)\$?)?$/.exec(pattern) ?? []
  if (quoted === undefined) return found
  const literal = quoted.replace(/\\(.)/g, '$1')
  if (!everyPathBeginsWith(literal, match)) return found
  if (capture === undefined) {
    const put = substitution.replace(/\\([0\\])/g, (_, what: string) => (what === '0' ? literal : '\\'))
    const rest = { kind: 'target', from: literal.length } as const
    // an empty path is none: where nothing is put in front, what is left must not be nothing
    return put === '' || /\\(?![0\\])/.test(substitution.replaceAll('\\\\', '')) ? found : value(text(put), rest)
  }
  const [, before, after] = /^([^\\]*)\\1([^\\]*)$/.exec(substitution) ?? []
  if (before === undefined || after === undefined || before + after === '') return found
  return value(text(before), { kind: 'path', from: literal.length }, text(after), REST_OF_QUERY)
}

/** A condition that ignores case says nothing of the bytes. */
function everyPathBeginsWith(literal: string, [path]: readonly Match[]): boolean {
  if (literal === '/' || literal === '') return true
  return (
    (path?.kind === 'prefix' || path?.kind === 'path' || path?.kind === 'path_separated_prefix') &&
    path.caseSensitive &&
    path.text.startsWith(literal)
  )
}

function text(of: string): Value[number] {
  return { kind: 'text', text: bytesOf(of) }
}

function value(...parts: Value): RewrittenTarget {
  return { kind: 'value', value: merged(parts) }
}
