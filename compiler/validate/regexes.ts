/**
 * Every regex of a snapshot. Envoy refuses what RE2 cannot read, and a program over re2.max_program_size.error_level (100, or what the bootstrap's
 * layered_runtime says; the regex's own google_re2.max_program_size wins over it). Source: Envoy's common/regex.cc; tried.
 */
import type { Inspection } from '../re2/inspect-regex.ts'
import { quote } from './quote.ts'
import type { Rule } from './rule.ts'

/** A regex says itself whether it looks at case; Envoy refuses the flag beside it, wherever texts are matched (tried). */
export const regexCase: Rule = {
  types: ['envoy.type.matcher.v3.StringMatcher'],
  check(at, context) {
    if (at.has('safe_regex') && at.boolean('ignore_case') === true)
      context.refuse('KM2035', at.at('ignore_case'), 'ignore_case has no effect on safe_regex')
  },
}

/** `inspect` is RE2's word on a pattern. */
export function regexes(inspect: (pattern: string) => Inspection): Rule {
  return {
    types: ['envoy.type.matcher.v3.RegexMatcher'],
    check(at, context) {
      const pattern = at.string('regex') ?? ''
      // the schema's own rule
      if (pattern === '') return
      const found = inspect(pattern)
      if ('error' in found) context.refuse('KM2024', at.at('regex'), `${quote(pattern)}: ${found.error}`)
      else if ('unknown' in found) context.warn('KM2026', at.at('regex'), `${quote(pattern)} is nested too deeply to be measured`)
      else {
        const limit = at.message('google_re2')?.number('max_program_size') ?? context.facts.regexLimit
        if (found.size <= limit) return
        context.refuseUnlessLoaded(
          'KM2025',
          at.at('regex'),
          `the program of ${quote(pattern)} has ${found.size} instructions, and ${limit} is the most`,
        )
      }
    },
  }
}
