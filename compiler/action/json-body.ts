/**
 * A JSON body format: a Struct whose texts are substitution formats. In: the Struct as plain JSON. Out: the text as Envoy writes it: keys in order, no spaces,
 * a line feed at the end. A format that is one command alone keeps its type: numbers stay numbers, and what is absent is null or left out.
 * Source: Envoy's source/common/formatter/substitution_formatter.cc (JsonFormatterImpl); substitution_format_string.proto.
 */
import { bytesOf } from '../match/byte-text.ts'
import { evaluateTyped, type FormatContext, formatTemplate } from './format.ts'
import { readTemplate } from './template.ts'

export function formatJson(value: unknown, context: FormatContext, absent: 'omit' | 'keep'): string {
  return `${written(fill(value, context, absent) ?? {})}\n`
}

/** as JSON.stringify writes it, but for texts that are no UTF-8, as a cut through a character leaves them */
function written(value: unknown): string {
  if (typeof value === 'string') return `"${escaped(value)}"`
  if (value instanceof Pieces) return `"${value.texts.map(escaped).join('')}"`
  if (Array.isArray(value)) return `[${value.map(written).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([key, one]) => `${JSON.stringify(key)}:${written(one)}`)
    .join()}}`
}

/** A text of several parts: Envoy escapes each on its own. */
class Pieces {
  readonly texts: readonly string[]

  constructor(texts: readonly string[]) {
    this.texts = texts
  }
}

const LONE = /[\udc80-\udcff]/u

/** Of a text that is no UTF-8 every byte that is not plain ASCII stands by its number. Source: Envoy's source/common/json/json_sanitizer.cc; tried. */
function escaped(text: string): string {
  if (!LONE.test(text)) return JSON.stringify(text).slice(1, -1)
  return bytesOf(text).replace(/[^ !#-[\]-~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
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
  if (template.length !== 1 || only?.kind !== 'command') {
    const empty = absent === 'omit' ? '' : '-'
    return new Pieces(template.map((part) => formatTemplate([part], context, empty)))
  }
  const value = evaluateTyped(only, context)
  return value === undefined && absent === 'keep' ? null : value
}
