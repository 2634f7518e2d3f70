/**
 * Regular expressions with RE2's syntax and meaning, in time linear in the text. Pattern and text are
 * bytes, each a character of Latin-1, as Envoy compiles them. In: a pattern of the configuration. Out: a Regex, also for a pattern that RE2
 * refuses: it has an `error` and matches nothing.
 * Source: Envoy's common/regex.cc (FullMatch, GlobalReplace) and RE2's re2.cc (GlobalReplace, Rewrite).
 */
import { RE2JS } from 're2js'
import { bytesOf, textOf } from './byte-text.ts'

export interface Regex {
  readonly source: string
  /** what RE2 says against the pattern */
  readonly error: string | undefined
  /** the whole text */
  matches(text: string): boolean
  /** every match from the left; `substitution` may name groups as \0 to \9. One that names a group that is not there changes nothing. */
  replaceAll(text: string, substitution: string): string
  /** named groups of a match of the whole text */
  groups(text: string): ReadonlyMap<string, string> | undefined
}

const known = new Map<string, Regex>()
const MOST_KNOWN = 10_000

export function createRegex(source: string): Regex {
  const held = known.get(source)
  if (held !== undefined) return held
  const made = compile(source)
  if (known.size >= MOST_KNOWN) known.clear()
  known.set(source, made)
  return made
}

function compile(source: string): Regex {
  try {
    return new Compiled(source, RE2JS.compile(distinctNames(bytesOf(source).replace(ANY_BYTE, '$1(?s:.)'))))
  } catch (thrown) {
    return new Refused(source, thrown instanceof Error ? thrown.message : String(thrown))
  }
}

/** \C is one byte for RE2 and nothing for RE2JS, but every character is a byte here. Not in a class, where RE2 refuses it. */
const ANY_BYTE = /(?<!\\)((?:\\\\)*)\\C/g

/** RE2 takes groups of one name, which RE2JS does not; nobody asks for them by name. */
function distinctNames(pattern: string): string {
  const names = new Set<string>()
  let count = 0
  return pattern.replace(NAMED_GROUP, (whole, open: string, name: string) => {
    if (!names.has(name)) {
      names.add(name)
      return whole
    }
    return `${open}${name}_${++count}>`
  })
}

const NAMED_GROUP = /(\(\?P?<)(\w+)>/g

class Refused implements Regex {
  readonly source: string
  readonly error: string

  constructor(source: string, error: string) {
    this.source = source
    this.error = error
  }
  matches(): boolean {
    return false
  }
  replaceAll(text: string): string {
    return text
  }
  groups(): undefined {}
}

class Compiled implements Regex {
  readonly source: string
  readonly error = undefined
  private readonly regex: RE2JS

  constructor(source: string, regex: RE2JS) {
    this.source = source
    this.regex = regex
  }

  matches(text: string): boolean {
    return this.regex.testExact(bytesOf(text))
  }

  groups(text: string): ReadonlyMap<string, string> | undefined {
    const matcher = this.regex.matcher(bytesOf(text))
    if (!matcher.matches()) return undefined
    return new Map(Object.entries(matcher.getNamedGroups()).map(([name, value]) => [name, textOf(value ?? '')]))
  }

  replaceAll(given: string, replacement: string): string {
    const text = bytesOf(given)
    const substitution = bytesOf(replacement)
    if (highestGroup(substitution) > this.regex.groupCount()) return given
    const matcher = this.regex.matcher(text)
    let out = ''
    let position = 0
    let lastEnd = -1
    let count = 0
    while (position <= text.length && matcher.find(position)) {
      const start = matcher.start()
      const end = matcher.end()
      out += text.slice(position, start)
      if (start === lastEnd && end === start) {
        // an empty match right behind the last one: one character on
        out += text.slice(start, start + 1)
        position = start + 1
        lastEnd = -1
        if (start >= text.length) break
        continue
      }
      out += rewrite(substitution, (group) => matcher.group(group) ?? '')
      position = end
      lastEnd = end
      count++
    }
    return count === 0 ? given : textOf(out + text.slice(position))
  }
}

function highestGroup(substitution: string): number {
  let most = 0
  for (let at = 0; at < substitution.length; at++) {
    if (substitution[at] !== '\\') continue
    const next = substitution.charCodeAt(++at)
    if (next >= 48 && next <= 57) most = Math.max(most, next - 48)
  }
  return most
}

/** RE2's Rewrite: an escape that is none ends the text there. */
function rewrite(substitution: string, group: (index: number) => string): string {
  let out = ''
  for (let at = 0; at < substitution.length; at++) {
    const char = substitution[at] as string
    if (char !== '\\') {
      out += char
      continue
    }
    const next = substitution[++at]
    if (next === '\\') out += '\\'
    else if (next !== undefined && next >= '0' && next <= '9') out += group(Number(next))
    else return out
  }
  return out
}
