/**
 * A RouteMatch as one line, in Envoy's words. In: envoy.config.route.v3.RouteMatch as plain JSON. Out: text that is equal exactly when the match is; fields without
 * a wording of their own are shown as JSON, so that none is lost.
 */
import { isObject, listAt, type Plain, type PlainObject, textAt, valueAt, without } from './plain.ts'

const quote = (text: string): string => JSON.stringify(text)

export function matchText(match: PlainObject): string {
  const rest = without(match, ...PATHS, 'headers', 'query_parameters', 'case_sensitive', 'grpc', 'runtime_fraction')
  return [
    pathText(match),
    ...(match.case_sensitive === false ? ['any case'] : []),
    ...listAt(match, 'headers').map((header) => `header ${headerText(header)}`),
    ...listAt(match, 'query_parameters').map((parameter) => `query ${queryText(parameter)}`),
    ...(match.grpc === undefined ? [] : [Object.keys(match.grpc as PlainObject).length === 0 ? 'grpc' : `grpc ${json(match.grpc)}`]),
    ...(match.runtime_fraction === undefined ? [] : [fractionText(match.runtime_fraction)]),
    ...Object.entries(rest).map(([name, value]) => `${name} ${json(value)}`),
  ].join(', ')
}

const PATHS = ['prefix', 'path', 'safe_regex', 'path_separated_prefix', 'connect_matcher', 'path_match_policy']
const json = (value: Plain): string => JSON.stringify(value)

function pathText(match: PlainObject): string {
  const name = PATHS.find((one) => match[one] !== undefined)
  if (name === undefined) return 'no path'
  const value = match[name] as Plain
  if (name === 'safe_regex') return `regex ${quote(textAt(value, 'regex'))}`
  if (name === 'connect_matcher') return 'CONNECT'
  if (name === 'path_match_policy') return `template ${quote(textAt(value, 'typed_config', 'path_template'))}`
  return `${name} ${quote(textAt(value))}`
}

/** HeaderMatcher; the deprecated forms (exact_match, ...) say the same in other fields. */
function headerText(header: Plain): string {
  const name = textAt(header, 'name')
  const inverted = valueAt(header, 'invert_match') === true ? 'not ' : ''
  const missing = valueAt(header, 'treat_missing_header_as_empty') === true ? ' (missing is empty)' : ''
  const form = without(header, 'name', 'invert_match', 'treat_missing_header_as_empty')
  return `${inverted}${name}${conditionText(form)}${missing}`
}

function queryText(parameter: Plain): string {
  return `${textAt(parameter, 'name')}${conditionText(without(parameter, 'name'))}`
}

const SIGNS: Readonly<Record<string, string>> = {
  exact: '=',
  exact_match: '=',
  prefix: 'begins',
  prefix_match: 'begins',
  suffix: 'ends',
  suffix_match: 'ends',
  contains: 'contains',
  contains_match: 'contains',
}

function conditionText(form: PlainObject): string {
  const entries = Object.entries(form)
  const [first] = entries
  if (first === undefined) return ' is there'
  if (entries.length > 1) return ` ${json(form)}`
  const [name, value] = first
  if (name === 'present_match') return value === true ? ' is there' : ' is not there'
  if (name === 'range_match') return ` in ${textAt(value, 'start') || '0'}..${textAt(value, 'end') || '0'}`
  if (name === 'safe_regex_match') return ` matches ${quote(textAt(value, 'regex'))}`
  if (name === 'string_match') return stringText(value)
  if (SIGNS[name] !== undefined) return ` ${SIGNS[name]} ${quote(textAt(value))}`
  return ` ${json(form)}`
}

function stringText(match: Plain): string {
  const form = without(match, 'ignore_case')
  const anyCase = valueAt(match, 'ignore_case') === true ? ' in any case' : ''
  const [first, second] = Object.entries(form)
  if (first === undefined || second !== undefined) return ` ${json(match)}`
  const [name, value] = first
  if (name === 'safe_regex') return ` matches ${quote(textAt(value, 'regex'))}${anyCase}`
  return SIGNS[name] === undefined ? ` ${json(match)}` : ` ${SIGNS[name]} ${quote(textAt(value))}${anyCase}`
}

const DENOMINATORS: Readonly<Record<string, number>> = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 }

/** RuntimeFractionalPercent: "fraction 5/100 (runtime key)" */
function fractionText(fraction: Plain): string {
  const value = valueAt(fraction, 'default_value')
  const key = textAt(fraction, 'runtime_key')
  const below = DENOMINATORS[textAt(value, 'denominator') || 'HUNDRED'] ?? 100
  return `fraction ${isObject(value) ? textAt(value, 'numerator') || '0' : '?'}/${below}${key === '' ? '' : ` (runtime ${key})`}`
}
