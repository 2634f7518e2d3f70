/**
 * Rewriting the authority: host_rewrite_literal, auto_host_rewrite, host_rewrite_header, host_rewrite_path_regex, host_rewrite, and append_x_forwarded_host.
 * In: a RouteAction's cursor; the headers after their mutation and the path before it is rewritten. Out: a HostRewrite; the new authority, '' where it stays.
 * Source: Envoy's source/common/router/config_impl.cc (finalizeHostHeader) and source/common/http/utility.cc (updateAuthority).
 */
import type { HostRewrite } from '../http/model.ts'
import { type Headers, pathEnd } from '../http/request.ts'
import type { Cursor } from '../input/cursor.ts'
import { readRegex } from '../match/string-match.ts'
import { readTemplate } from './template.ts'

/** `at`: a RouteAction */
export function readHostRewrite(at: Cursor): HostRewrite | undefined {
  const kind = at.oneof('host_rewrite_specifier')
  switch (kind) {
    case 'host_rewrite_literal': {
      const text = at.string(kind) ?? ''
      return text === '' ? undefined : { kind: 'literal', text }
    }
    case 'host_rewrite_header': {
      const header = (at.string(kind) ?? '').toLowerCase()
      return header === '' ? undefined : { kind: 'header', header }
    }
    case 'host_rewrite_path_regex': {
      const regex = at.message(kind)
      return { kind: 'path_regex', regex: readRegex(regex?.message('pattern')), substitution: regex?.string('substitution') ?? '' }
    }
    case 'host_rewrite': {
      const format = at.string(kind) ?? ''
      return format === '' ? undefined : { kind: 'format', template: readTemplate(format) }
    }
    case 'auto_host_rewrite':
      return at.boolean(kind) === true ? { kind: 'auto' } : undefined
    default:
      return undefined
  }
}

/** What a rewrite may ask for. */
export interface HostHelp {
  readonly path: string
  /** first value, pseudo headers included */
  readonly header: (name: string) => string | undefined
  readonly format: (template: Extract<HostRewrite, { readonly kind: 'format' }>['template']) => string
}

/** '' leaves the authority as it is. With auto_host_rewrite it depends on the endpoint, which is chosen later. */
export function rewrittenHost(rewrite: HostRewrite, help: HostHelp): string {
  switch (rewrite.kind) {
    case 'literal':
      return rewrite.text
    case 'header':
      return help.header(rewrite.header) ?? ''
    case 'path_regex':
      return rewrite.regex.replaceAll(help.path.slice(0, pathEnd(help.path)), rewrite.substitution)
    case 'format':
      return help.format(rewrite.template)
    default:
      return ''
  }
}

/** Gives the request another authority and leaves the traces that Envoy leaves, with suppress_envoy_headers (`quiet`) fewer; returns it. */
export function updateAuthority(
  headers: Headers,
  old: string,
  authority: string,
  forwarded: 'append' | 'leave',
  manner: 'told' | 'quiet',
): string {
  if (old !== '' && manner === 'told') headers.set('x-envoy-original-host', old)
  if (forwarded === 'append' && old !== '') {
    const before = headers.get('x-forwarded-host') ?? ''
    if (before === '') headers.set('x-forwarded-host', old)
    else if (before.split(',').findLast((part) => part !== '') !== old) headers.add('x-forwarded-host', old)
  }
  return authority
}
