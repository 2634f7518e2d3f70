/**
 * Bodies of Envoy's own answers: where they are written, and the format they are given. In: a DataSource or SubstitutionFormatString; what is known when the answer is made.
 * Out: a BodySource or BodyFormat; a text. Invariant: what is not in the snapshot (a file, an environment variable) is named, never guessed.
 * Source: Envoy's substitution_format_string.proto, source/common/local_reply/local_reply.cc.
 */
import type { BodyFormat, BodySource } from '../http/model.ts'
import type { Cursor } from '../input/cursor.ts'
import { type FormatContext, formatTemplate } from './format.ts'
import { formatJson } from './json-body.ts'
import { readTemplate } from './template.ts'

/** envoy.config.core.v3.DataSource; bytes that are no UTF-8 are shown with U+FFFD */
export function readDataSource(at: Cursor): BodySource {
  const kind = at.oneof('specifier')
  switch (kind) {
    case 'inline_string':
      return { kind: 'text', text: at.string(kind) ?? '' }
    case 'inline_bytes':
      return fromBytes(at.bytes(kind) ?? new Uint8Array())
    case 'filename':
      return { kind: 'elsewhere', what: `the file "${at.string(kind) ?? ''}"` }
    case 'environment_variable':
      return { kind: 'elsewhere', what: `the environment variable ${at.string(kind) ?? ''}` }
    default:
      return { kind: 'text', text: '' }
  }
}

function fromBytes(bytes: Uint8Array): BodySource {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  return Buffer.from(text, 'utf8').equals(bytes) ? { kind: 'text', text } : { kind: 'text', text, bytes }
}

/** `at`: a SubstitutionFormatString */
export function readBodyFormat(at: Cursor): BodyFormat {
  const contentType = at.string('content_type') ?? ''
  for (const formatter of at.messages('formatters')) formatter.markAll('diverted', 'commands of formatter extensions are not known here')
  return {
    form: readForm(at),
    contentType: contentType === '' ? undefined : contentType,
    omitEmptyValues: at.boolean('omit_empty_values') ?? false,
  }
}

function readForm(at: Cursor): BodyFormat['form'] {
  if (at.oneof('format') === 'json_format') return { kind: 'json', value: at.raw('json_format') }
  const source = at.message('text_format_source')
  if (source === undefined) return { kind: 'text', template: readTemplate(at.string('text_format') ?? '') }
  const text = readDataSource(source)
  return text.kind === 'elsewhere' ? text : { kind: 'text', template: readTemplate(text.text) }
}

/** what the format asks for; undefined: what any text has */
export function contentTypeOf({ contentType, form }: BodyFormat): string | undefined {
  return contentType ?? (form.kind === 'json' ? 'application/json' : undefined)
}

/** '' where the format is not in the snapshot; `context` has the body that it dresses */
export function formatBody({ form, omitEmptyValues }: BodyFormat, context: FormatContext): string {
  if (form.kind === 'json') return formatJson(form.value, context, omitEmptyValues ? 'omit' : 'keep')
  return form.kind === 'text' ? formatTemplate(form.template, context, omitEmptyValues ? '' : '-') : ''
}
