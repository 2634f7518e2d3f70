/**
 * DirectResponseAction: a fixed answer. In: a cursor; a request. Out: a DirectResponseAction; an Answer. Invariant: what is not in the snapshot (a file, an
 * environment variable) is named, never guessed. With a 3xx code or 201 the answer has a Location: the request's own URI.
 * Source: Envoy's source/common/router/{config_impl.cc,router.cc}; Location was tried with 201, 301, 302, 304.
 */
import type { Answer, Exchange } from '../http/exchange.ts'
import type { BodyFormat, BodySource, DirectResponseAction } from '../http/model.ts'
import { Headers } from '../http/request.ts'
import type { Cursor } from '../input/cursor.ts'
import { type FormatContext, formatTemplate } from './format.ts'
import { formatJson } from './json-body.ts'
import { localReply } from './local-reply.ts'
import { locationOf, SAME } from './location.ts'
import { mutateResponse } from './response-headers.ts'
import { readTemplate } from './template.ts'

/** `at`: a DirectResponseAction */
export function readDirectResponse(at: Cursor): DirectResponseAction {
  const body = at.message('body')
  const format = at.message('body_format')
  return {
    kind: 'direct_response',
    path: at.path,
    status: at.number('status') ?? 0,
    body: body === undefined ? undefined : readDataSource(body),
    bodyFormat: format === undefined ? undefined : readBodyFormat(format),
  }
}

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

function readBodyFormat(at: Cursor): BodyFormat {
  const contentType = at.string('content_type') ?? ''
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

export function answerDirectly(action: DirectResponseAction, exchange: Exchange): Answer {
  const { request } = exchange
  const { status, bodyFormat } = action
  const moved = status === 201 || (status >= 300 && status < 400)
  const headers = Headers.of('response', moved ? [['location', locationOf(request, request.path, SAME)]] : [])
  const elsewhere = action.body?.kind === 'elsewhere' ? action.body : bodyFormat?.form.kind === 'elsewhere' ? bodyFormat.form : undefined
  const body = elsewhere === undefined ? bodyOf(action, exchange, headers) : `<${elsewhere.what}>`
  mutateResponse(exchange, headers, { path: request.path, responseCode: 0, details: 'direct_response' })
  const contentType = bodyFormat?.contentType ?? (bodyFormat?.form.kind === 'json' ? 'application/json' : undefined)
  if (contentType !== undefined) headers.set('content-type', contentType)
  const answer = localReply(request, { outcome: 'direct_response', status, body, reason: 'direct_response', headers })
  return elsewhere === undefined
    ? answer
    : { ...answer, reason: `direct_response; the body is in ${elsewhere.what}, which is not in the snapshot` }
}

function bodyOf({ body, bodyFormat }: DirectResponseAction, exchange: Exchange, responseHeaders: Headers): string {
  const text = body?.kind === 'text' ? body.text : ''
  if (bodyFormat === undefined) return text
  const { form } = bodyFormat
  const { request, route, upstream } = exchange
  const context: FormatContext = {
    request,
    path: request.path,
    authority: request.authority,
    requestHeaders: upstream.headers,
    responseHeaders,
    responseCode: 0,
    details: undefined,
    routeName: route.name,
    owners: exchange,
    cluster: undefined,
    body: text,
  }
  if (form.kind === 'json') return formatJson(form.value, context, bodyFormat.omitEmptyValues ? 'omit' : 'keep')
  return form.kind === 'text' ? formatTemplate(form.template, context, bodyFormat.omitEmptyValues ? '' : '-') : ''
}
