/** options.json of a golden case: how its snapshot is read. In: the text. Out: the options, or what is wrong with them (KM1915). */
import type { Diagnostics } from '../diag/diagnostic.ts'

export interface CaseOptions {
  /** as a resolve file in JSON */
  readonly resolve: unknown
  readonly addresses: readonly string[]
  readonly plaintextTo: readonly 'istio'[]
}

const NONE: CaseOptions = { resolve: {}, addresses: [], plaintextTo: [] }
const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every((one) => typeof one === 'string')

export function readCaseOptions(text: string | undefined, file: string, diag: Diagnostics): CaseOptions {
  if (text === undefined) return NONE
  const problem = (message: string): CaseOptions => {
    diag.report({
      code: 'KM1915',
      severity: 'error',
      path: '',
      file,
      message,
      fix: 'write {"resolve": {...}, "addresses": [...], "plaintextTo": ["istio"]}',
    })
    return NONE
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return problem('options.json is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return problem('options.json is not a map')
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(NONE, name))
  if (unknown !== undefined) return problem(`options.json has an unknown field "${unknown}"`)
  const { resolve = {}, addresses = [], plaintextTo = [] } = value as Partial<Record<keyof CaseOptions, unknown>>
  if (!isTexts(addresses)) return problem('"addresses" is not a list of addresses')
  if (!isTexts(plaintextTo) || plaintextTo.some((one) => one !== 'istio'))
    return problem('"plaintextTo" is not a list of known servers; "istio" is one')
  return { resolve, addresses, plaintextTo: plaintextTo as readonly 'istio'[] }
}
