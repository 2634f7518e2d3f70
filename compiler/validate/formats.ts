/**
 * Substitution formats outside of header mutations: bodies of direct responses and local replies, access logs. Envoy refuses what its parser cannot
 * read; in JSON formats every text, at any depth, is one (tried).
 */
import { quote } from './quote.ts'
import type { Context, Rule } from './rule.ts'
import { formatMistake } from './substitution.ts'

export const substitutionFormats: Rule = {
  types: ['envoy.config.core.v3.SubstitutionFormatString'],
  check(at, context) {
    const extensions = at.messages('formatters')
    checkText(at.string('text_format'), at.at('text_format'), extensions, context)
    const source = at.message('text_format_source')
    if (source !== undefined) checkText(source.string('inline_string'), source.at('inline_string'), extensions, context)
    checkJson(at.raw('json_format'), at.at('json_format'), extensions, context)
  },
}

/** path_rewrite and host_rewrite */
export const rewriteFormats: Rule = {
  types: ['envoy.config.route.v3.RouteAction'],
  check(at, context) {
    for (const field of ['path_rewrite', 'host_rewrite']) checkText(at.string(field), at.at(field), [], context)
  },
}

export const accessLogFormats: Rule = {
  types: ['envoy.extensions.access_loggers.file.v3.FileAccessLog'],
  check(at, context) {
    checkText(at.string('format'), at.at('format'), [], context)
    for (const field of ['json_format', 'typed_json_format']) checkJson(at.raw(field), at.at(field), [], context)
  },
}

function checkText(format: string | undefined, path: string, extensions: readonly unknown[], context: Context): void {
  const mistake = format === undefined ? undefined : formatMistake(format, extensions)
  if (mistake !== undefined) context.refuse('KM2007', path, `${quote(format ?? '')}: ${mistake}`)
}

function checkJson(value: unknown, path: string, extensions: readonly unknown[], context: Context): void {
  if (typeof value === 'string') checkText(value, path, extensions, context)
  else if (typeof value === 'object' && value !== null)
    for (const inner of Object.values(value)) checkJson(inner, path, extensions, context)
}
