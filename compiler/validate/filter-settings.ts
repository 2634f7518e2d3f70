/**
 * What HTTP filters refuse of their own settings when they are made (header_to_metadata_filter.cc, composite/action.cc, success_criteria_evaluator.cc; each tried). In: their configurations. Out: findings.
 */
import type { Cursor } from '../input/cursor.ts'
import { checkExtension } from './extension-points.ts'
import type { Rule } from './rule.ts'

const HTTP = 'envoy.extensions.filters.http.'
export const HEADER_TO_METADATA = `${HTTP}header_to_metadata.v3.Config`

export const headerToMetadata: Rule = {
  types: [`${HEADER_TO_METADATA}.Rule`],
  check(at, context) {
    const mistake = mistakeOf(at)
    if (mistake !== undefined) context.refuseUnlessLoaded('KM2126', at.path, mistake)
  },
}

function mistakeOf(at: Cursor): string | undefined {
  const hasHeader = (at.string('header') ?? '') !== ''
  const hasCookie = (at.string('cookie') ?? '') !== ''
  const present = at.message('on_header_present')
  const missing = at.message('on_header_missing')
  if (hasHeader && hasCookie) return 'a rule has a header or a cookie, not both'
  if (!hasHeader && !hasCookie) return 'a rule needs a header or a cookie'
  if (present === undefined && missing === undefined) return 'a rule needs on_header_present or on_header_missing'
  if (present?.has('regex_value_rewrite') === true && (present.string('value') ?? '') !== '')
    return 'on_header_present has a value or a regex_value_rewrite, not both'
  if (hasCookie && at.boolean('remove') === true) return 'a cookie cannot be removed'
  return missing !== undefined && (missing.string('value') ?? '') === '' ? 'on_header_missing needs a value' : undefined
}

const STATUS_LEAST = 100
const STATUS_END = 600
const GRPC_LAST = 16

/** What counts as a success. */
export const admissionControl: Rule = {
  types: [`${HTTP}admission_control.v3.AdmissionControl.SuccessCriteria`],
  check(at, context) {
    for (const range of at.message('http_criteria')?.messages('http_success_status') ?? []) {
      const start = range.number('start') ?? 0
      const end = range.number('end') ?? 0
      if (start < STATUS_LEAST || end > STATUS_END || start > end)
        context.refuseUnlessLoaded('KM2126', range.path, `[${start}, ${end}) is no range of HTTP statuses`)
    }
    const grpc = at.message('grpc_criteria')
    for (const [index, status] of (grpc?.numbers('grpc_success_status') ?? []).entries())
      if (status > GRPC_LAST)
        context.refuseUnlessLoaded('KM2126', grpc?.at('grpc_success_status', index) ?? at.path, `${status} is no gRPC status`)
  },
}

/** What a composite filter delegates to. */
export const delegatedFilters: Rule = {
  types: [`${HTTP}composite.v3.ExecuteFilterAction`],
  check(at, context) {
    if (at.has('dynamic_config')) return
    const chain = at.message('filter_chain')
    if (at.has('typed_config')) return checkExtension(at.message('typed_config')?.any('typed_config'), 'filters.http', context, 'KM2109')
    if (chain === undefined) context.refuseUnlessLoaded('KM2126', at.path, 'the action names no filter')
    else if (chain.messages('typed_config').length === 0) context.refuseUnlessLoaded('KM2126', chain.path, 'the chain has no filter')
  },
}
