/**
 * What a request test expects against what the interpreter decided. In: expectations and a Decision in the words of `kmeshc trace --batch`. Out: failures, none when
 * all holds. Header expectations name what they care about: a value, several in order, or null for none; other headers do not matter.
 */
import type { HeaderPair } from '../http/request.ts'
import type { Decided } from './judge.ts'
import type { Expected, Failure } from './route-test.ts'

export function checkDecision(expect: Readonly<Record<string, Expected>>, decided: Decided): readonly Failure[] {
  return Object.entries(expect).flatMap(([field, expected]): readonly Failure[] => {
    if (field === 'request_headers' || field === 'response_headers')
      return checkHeaders(field, expected as Readonly<Record<string, string | number | null | readonly string[]>>, decided[field] ?? [])
    const actual = decided[field as Exclude<keyof Decided, 'request_headers' | 'response_headers'>]
    return isOneOf(expected, actual) ? [] : [{ field, expected: shown(expected), actual: shown(actual ?? null) }]
  })
}

/** Numbers compare as their text: a status may be written either way. */
export function isOneOf(expected: Expected, actual: string | number | null | undefined): boolean {
  const wanted = Array.isArray(expected) ? (expected as readonly (string | number | null)[]) : [expected as string | number | null]
  return wanted.some((one) =>
    one === null ? actual === undefined || actual === null : actual !== undefined && actual !== null && String(one) === String(actual),
  )
}

function checkHeaders(
  field: string,
  expected: Readonly<Record<string, string | number | null | readonly string[]>>,
  pairs: readonly HeaderPair[],
): readonly Failure[] {
  return Object.entries(expected).flatMap(([name, wanted]): readonly Failure[] => {
    const values = pairs.filter(([header]) => header.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
    const list = wanted === null ? [] : Array.isArray(wanted) ? (wanted as readonly string[]) : [String(wanted)]
    const holds = values.length === list.length && list.every((value, index) => value === values[index])
    return holds
      ? []
      : [
          {
            field: `${field}.${name}`,
            expected: shown(wanted),
            actual: values.length === 0 ? 'none' : values.map((value) => JSON.stringify(value)).join(', '),
          },
        ]
  })
}

export function shown(value: unknown): string {
  if (value === null) return 'none'
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(shown).join(' or ')
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
