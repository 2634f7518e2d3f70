/**
 * A random local_reply_config: mappers of the answers that Envoy gives itself, and their form. In: a sketch. Out: LocalReplyConfig.
 * Source: http_connection_manager.proto (LocalReplyConfig, ResponseMapper), accesslog.proto (AccessLogFilter).
 */
import type { JsonObject } from '../oracle/envoy.ts'
import { randomHeaderMatch } from './random-match.ts'
import { randomFormat } from './random-mutations.ts'
import type { Sketch } from './sketch.ts'

export function randomLocalReplies(sketch: Sketch): JsonObject {
  return {
    ...sketch.maybe(0.8, 'mappers', () => sketch.many(1, 3, () => mapper(sketch))),
    ...sketch.maybe(0.4, 'body_format', () => format(sketch)),
  }
}

function mapper(sketch: Sketch): JsonObject {
  return {
    ...(sketch.odd(0.05) ? {} : { filter: filter(sketch, 2) }),
    ...sketch.maybe(0.5, 'status_code', () => sketch.one([200, 404, 503, 401, 204, sketch.odd(0.1) ? 700 : 599])),
    ...sketch.maybe(0.4, 'body', () => ({ inline_string: sketch.one(['mapped', '', 'caf\u00e9']) })),
    ...sketch.maybe(0.3, 'body_format_override', () => format(sketch)),
    ...sketch.maybe(0.4, 'headers_to_add', () =>
      sketch.many(1, 2, () => ({
        header: { key: sketch.one(['x-mapped', 'x-a', 'content-type', 'location', 'x-added']), value: randomFormat(sketch) },
        ...sketch.maybe(0.6, 'append_action', () =>
          sketch.one(['APPEND_IF_EXISTS_OR_ADD', 'ADD_IF_ABSENT', 'OVERWRITE_IF_EXISTS_OR_ADD', 'OVERWRITE_IF_EXISTS']),
        ),
      })),
    ),
  }
}

function filter(sketch: Sketch, depth: number): JsonObject {
  switch (sketch.whole(0, depth > 0 ? 8 : 5)) {
    case 0:
    case 1:
    case 2:
      return {
        status_code_filter: {
          comparison: {
            ...sketch.maybe(0.8, 'op', () => sketch.one(['EQ', 'GE', 'LE', 'NE'])),
            value: { default_value: sketch.one([404, 403, 503, 301, 400]), runtime_key: 'a.key' },
          },
        },
      }
    case 3:
      return { header_filter: { header: randomHeaderMatch(sketch) } }
    case 4:
      return {
        response_flag_filter: {
          ...sketch.maybe(0.8, 'flags', () => sketch.many(1, 2, () => sketch.one(['NR', 'NC', 'FI', 'RL', 'UAEX', 'UH']))),
        },
      }
    case 5:
      return sketch.one<JsonObject>([
        { not_health_check_filter: {} },
        { runtime_filter: { runtime_key: 'b.key', percent_sampled: { numerator: sketch.one([0, 100]) } } },
        { traceable_filter: {} },
        {
          grpc_status_filter: {
            statuses: sketch.many(1, 2, () => sketch.one(['UNAVAILABLE', 'UNKNOWN', 'OK', 'UNIMPLEMENTED'])),
            ...sketch.maybe(0.3, 'exclude', () => true),
          },
        },
        { duration_filter: { comparison: { op: 'GE', value: { default_value: 0, runtime_key: 'c.key' } } } },
        { metadata_filter: { ...sketch.maybe(0.6, 'match_if_key_not_found', () => sketch.chance(0.5)) } },
      ])
    default: {
      const filters = sketch.many(2, 3, () => filter(sketch, depth - 1))
      return sketch.chance(0.5) ? { and_filter: { filters } } : { or_filter: { filters } }
    }
  }
}

function format(sketch: Sketch): JsonObject {
  return {
    ...sketch.one<JsonObject>([
      { text_format: `%LOCAL_REPLY_BODY%:%RESPONSE_CODE%:${randomFormat(sketch)}:%RESPONSE_HEADERS_BYTES%:%GRPC_STATUS%` },
      { text_format_source: { inline_string: `${randomFormat(sketch)} %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%` } },
      {
        json_format: {
          body: '%LOCAL_REPLY_BODY%',
          status: '%RESPONSE_CODE%',
          path: '%REQ(:path)%',
          text: randomFormat(sketch),
          alone: sketch.one(['%METADATA(ROUTE:m:o)%', '%METADATA(CLUSTER:m:n)%', '%DOWNSTREAM_LOCAL_PORT%', '%GRPC_STATUS_NUMBER%']),
        },
      },
    ]),
    ...sketch.maybe(0.4, 'content_type', () => sketch.one(['text/html; charset=UTF-8', 'application/problem+json'])),
    ...sketch.maybe(0.2, 'omit_empty_values', () => sketch.chance(0.8)),
  }
}
