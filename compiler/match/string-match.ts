/**
 * envoy.type.matcher.v3.StringMatcher and its twin of xds.type.matcher.v3. In: its cursor; out: a StringMatch and whether a text fulfils it.
 * Invariant: case is that of ASCII only, as in Envoy; ignore_case does not reach a regex.
 * Source: Envoy's common/common/matchers.h (StringMatcherImpl).
 */
import type { StringMatch } from '../http/model.ts'
import type { Cursor } from '../input/cursor.ts'
import { quote } from './matcher.ts'
import { createRegex, type Regex } from './regex.ts'

export function readStringMatch(at: Cursor | undefined): StringMatch {
  const kind = at?.oneof('match_pattern')
  if (at === undefined || kind === undefined) return { kind: 'unknown', type: 'nothing' }
  if (kind === 'safe_regex') return { kind: 'regex', regex: readRegex(at.message(kind)) }
  const ignoreCase = at.boolean('ignore_case') ?? false
  if (kind !== 'exact' && kind !== 'prefix' && kind !== 'suffix' && kind !== 'contains') {
    return { kind: 'unknown', type: at.message('custom')?.any('typed_config')?.type ?? kind }
  }
  const text = at.string(kind) ?? ''
  return { kind, text: ignoreCase ? lowerCase(text) : text, ignoreCase }
}

export function evalStringMatch(node: StringMatch, value: string): boolean {
  switch (node.kind) {
    case 'regex':
      return node.regex.matches(value)
    case 'unknown':
      return false
    default: {
      const text = node.ignoreCase ? lowerCase(value) : value
      if (node.kind === 'exact') return text === node.text
      if (node.kind === 'prefix') return text.startsWith(node.text)
      return node.kind === 'suffix' ? text.endsWith(node.text) : text.includes(node.text)
    }
  }
}

/** what it asks for, e.g. `start with "/a"`, to follow "does not" */
export function describeStringMatch(node: StringMatch): string {
  switch (node.kind) {
    case 'regex':
      return node.regex.error === undefined ? `match the regex ${quote(node.regex.source)}` : `match an invalid regex (${node.regex.error})`
    case 'unknown':
      return `match a matcher that is not known (${node.type})`
    default: {
      const verb = { exact: 'equal', prefix: 'start with', suffix: 'end with', contains: 'contain' }[node.kind]
      return `${verb} ${quote(node.text)}${node.ignoreCase ? ' (case ignored)' : ''}`
    }
  }
}

/** envoy.type.matcher.v3.RegexMatcher and its twin */
export function readRegex(at: Cursor | undefined): Regex {
  return createRegex(at?.string('regex') ?? '')
}

/** A to Z only, as absl::AsciiStrToLower does. */
export function lowerCase(text: string): string {
  return UPPER.test(text) ? (ASCII.test(text) ? text.toLowerCase() : text.replace(/[A-Z]/g, (char) => char.toLowerCase())) : text
}

const UPPER = /[A-Z]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\x00-\x7f]*$/
