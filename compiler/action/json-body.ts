/**
 * A JSON body format: a Struct whose texts are substitution formats. In: the Struct as plain JSON. Out: the text as Envoy writes it: keys in order, no spaces,
 * a line feed at the end. A format that is one command alone keeps its type: numbers stay numbers, and what is absent is null or left out.
 * Source: Envoy's source/common/formatter/substitution_formatter.cc (JsonFormatterImpl); substitution_format_string.proto.
 */
import { evaluateCommand, type FormatContext, formatTemplate } from './format.ts'
import { readTemplate } from './template.ts'

/** commands whose values are numbers */
const NUMBERS: ReadonlySet<string> = new Set([
  'RESPONSE_CODE',
  'REQUEST_HEADERS_BYTES',
  'BYTES_RECEIVED',
  'BYTES_SENT',
  'DURATION',
  'GRPC_STATUS_NUMBER',
  'DOWNSTREAM_REMOTE_PORT',
  'DOWNSTREAM_LOCAL_PORT',
  'DOWNSTREAM_DIRECT_REMOTE_PORT',
  'CONNECTION_ID',
])

export function formatJson(value: unknown, context: FormatContext, absent: 'omit' | 'keep'): string {
  return `${JSON.stringify(fill(value, context, absent) ?? {})}\n`
}

/** undefined: left out */
function fill(value: unknown, context: FormatContext, absent: 'omit' | 'keep'): unknown {
  if (typeof value === 'string') return fillText(value, context, absent)
  if (Array.isArray(value)) return value.map((one: unknown) => fill(one, context, absent)).filter((one) => one !== undefined)
  if (typeof value !== 'object' || value === null) return value
  const filled = Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, fill(one, context, absent)] as const)
      .filter(([, one]) => one !== undefined),
  )
  // an object that lost everything goes, too
  return absent === 'omit' && Object.keys(filled).length === 0 ? undefined : filled
}

function fillText(text: string, context: FormatContext, absent: 'omit' | 'keep'): unknown {
  const template = readTemplate(text)
  const [only] = template
  if (template.length !== 1 || only?.kind !== 'command') return formatTemplate(template, context, absent === 'omit' ? '' : '-')
  const value = evaluateCommand(only, context)
  if (value === undefined) return absent === 'omit' ? undefined : null
  return NUMBERS.has(only.name) && /^\d+$/.test(value) ? Number(value) : value
}
