/**
 * local_reply_config: how a connection manager dresses the answers that Envoy gives itself. In: its cursor; an answer as it stands. Out: LocalReplies; the answer's
 * status, body and content type, its headers changed in place. The first mapper whose filter takes the answer counts; then the body gets its format.
 * Source: Envoy's source/common/local_reply/local_reply.cc, source/common/access_log/access_log_impl.cc, accesslog.proto; tried on Envoy 1.40.
 */
import type { LocalReplies, ReplyFilter, ReplyMapper } from '../http/model.ts'
import type { Cursor } from '../input/cursor.ts'
import { evalHeaderMatch, readHeaderMatch } from '../match/header.ts'
import { evalFraction } from '../match/runtime-fraction.ts'
import type { RuntimeValues } from '../match/runtime-values.ts'
import { contentTypeOf, formatBody, readBodyFormat, readDataSource } from './body-format.ts'
import { evaluateCommand, type FormatContext } from './format.ts'
import { readPercent } from './fraction.ts'
import { grpcStatusNumber, grpcStatusOf } from './grpc.ts'
import { mutateHeaders, readHeaderAddition } from './header-mutations.ts'

/** `at`: an HttpConnectionManager */
export function readLocalReplies(at: Cursor, runtime: RuntimeValues): LocalReplies | undefined {
  const config = at.message('local_reply_config')
  if (config === undefined) return undefined
  const format = config.message('body_format')
  return {
    mappers: config.messages('mappers').map((mapper) => readMapper(mapper, runtime)),
    format: format === undefined ? undefined : readBodyFormat(format),
  }
}

function readMapper(at: Cursor, runtime: RuntimeValues): ReplyMapper {
  const filter = at.message('filter')
  const body = at.message('body')
  const format = at.message('body_format_override')
  return {
    filter: filter === undefined ? undefined : readFilter(filter, runtime),
    status: at.number('status_code'),
    body: body === undefined ? undefined : readDataSource(body),
    format: format === undefined ? undefined : readBodyFormat(format),
    add: at.messages('headers_to_add').map(readHeaderAddition),
  }
}

const NEVER: ReplyFilter = { kind: 'never' }

/** `at`: an AccessLogFilter; what neither a snapshot nor an answer tells takes none */
function readFilter(at: Cursor, runtime: RuntimeValues): ReplyFilter {
  const kind = at.oneof('filter_specifier')
  const of = kind === undefined ? undefined : at.message(kind)
  if (of === undefined) return NEVER
  const inner = (): readonly ReplyFilter[] => of.messages('filters').map((filter) => readFilter(filter, runtime))
  switch (kind) {
    case 'status_code_filter':
      return comparison('status', of, runtime)
    case 'duration_filter':
      return comparison('duration', of, runtime)
    case 'and_filter':
      return { kind: 'and', of: inner() }
    case 'or_filter':
      return { kind: 'or', of: inner() }
    case 'header_filter': {
      const header = of.message('header')
      return header === undefined ? NEVER : { kind: 'header', match: readHeaderMatch(header) }
    }
    case 'response_flag_filter':
      return { kind: 'flags', names: of.strings('flags') }
    case 'grpc_status_filter':
      return {
        kind: 'grpc',
        statuses: of.strings('statuses').map(grpcStatusNumber),
        exclude: of.boolean('exclude') ?? false,
      }
    case 'runtime_filter': {
      const share = readPercent(of.message('percent_sampled'))
      return { kind: 'fraction', share: { ...share, ...runtime.fraction(of.string('runtime_key') ?? '', share) } }
    }
    case 'metadata_filter':
      return (of.boolean('match_if_key_not_found') ?? true) ? { kind: 'always' } : NEVER
    case 'not_health_check_filter':
      return { kind: 'always' }
    default:
      return NEVER
  }
}

function comparison(kind: 'status' | 'duration', of: Cursor, runtime: RuntimeValues): ReplyFilter {
  const asked = of.message('comparison')
  const value = asked?.message('value')
  const op = asked?.enum('op') ?? 'EQ'
  return {
    kind,
    op: op === 'GE' || op === 'LE' || op === 'NE' ? op : 'EQ',
    value: runtime.count(value?.string('runtime_key') ?? '') ?? value?.number('default_value') ?? 0,
  }
}

const TEXT = 'text/plain'

export interface Dressed {
  readonly status: number
  readonly body: string
  /** what the answer has when nobody has given it one of its own */
  readonly contentType: string
}

/** `context`: of the answer, with its status, body and headers; the headers are changed in place. */
export function dressReply({ mappers, format }: LocalReplies, context: FormatContext): Dressed {
  const mapper = mappers.find(({ filter }) => filter !== undefined && takes(filter, context))
  const { body = '', responseCode = 0, responseHeaders } = context
  if (mapper !== undefined && responseHeaders !== undefined && mapper.add.length > 0)
    mutateHeaders(responseHeaders, [], mapper.add, context)
  const status = mapper?.status ?? responseCode
  const text = mapper?.body === undefined ? body : mapper.body.kind === 'text' ? mapper.body.text : `<${mapper.body.what}>`
  const dress = mapper?.format ?? format
  if (dress === undefined) return { status, body: text, contentType: TEXT }
  return { status, body: formatBody(dress, { ...context, responseCode: status, body: text }), contentType: contentTypeOf(dress) ?? TEXT }
}

function takes(filter: ReplyFilter, context: FormatContext): boolean {
  switch (filter.kind) {
    case 'status':
      return compare(context.responseCode ?? 0, filter)
    case 'duration':
      // it was answered at once
      return compare(0, filter)
    case 'and':
      return filter.of.every((one) => takes(one, context))
    case 'or':
      return filter.of.some((one) => takes(one, context))
    case 'header':
      return evalHeaderMatch(filter.match, context.request)
    case 'flags': {
      const flag = evaluateCommand(FLAG, context) ?? '-'
      return flag !== '-' && (filter.names.length === 0 || filter.names.includes(flag))
    }
    case 'grpc': {
      const told = context.responseHeaders?.get('grpc-status')
      const status = told !== undefined && /^\d+$/.test(told) ? Number(told) : grpcStatusOf(context.responseCode ?? 0)
      return filter.statuses.includes(status) !== filter.exclude
    }
    case 'fraction':
      return evalFraction(filter.share, context.request.random)
    default:
      return filter.kind === 'always'
  }
}

const FLAG = { kind: 'command', name: 'RESPONSE_FLAGS', argument: undefined, maxLength: undefined } as const

function compare(got: number, { op, value }: Extract<ReplyFilter, { readonly op: string }>): boolean {
  return op === 'EQ' ? got === value : op === 'NE' ? got !== value : op === 'GE' ? got >= value : got <= value
}
