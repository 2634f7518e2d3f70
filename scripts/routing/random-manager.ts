/**
 * Random settings of a connection manager that change what routes see, and how it answers itself. In: a sketch. Out: fields of an HttpConnectionManager; what a
 * request needs to meet them is left in the sketch.
 * Source: http_connection_manager.proto, protocol.proto. Left out: what only a clock, a random number or TLS decides.
 */
import type { JsonObject } from '../oracle/envoy.ts'
import { randomLocalReplies } from './random-local-replies.ts'
import { CLIENT_ADDRESS } from './routing-case.ts'
import type { Sketch } from './sketch.ts'

const EXTENSIONS = 'type.googleapis.com/envoy.extensions.http'

/** {} most of the time */
export function randomManager(sketch: Sketch): JsonObject {
  const upgrades = sketch.maybe(0.04, 'upgrade_configs', () => [
    { upgrade_type: sketch.one(['websocket', 'other']), ...sketch.maybe(0.3, 'enabled', () => false) },
  ])
  if (!sketch.chance(0.35)) return upgrades
  return { ...upgrades, ...paths(sketch), ...hosts(sketch), ...clients(sketch), ...answers(sketch), ...heads(sketch) }
}

function paths(sketch: Sketch): JsonObject {
  return {
    ...sketch.maybe(0.25, 'normalize_path', () => sketch.chance(0.8)),
    ...sketch.maybe(0.25, 'merge_slashes', () => sketch.chance(0.8)),
    ...sketch.maybe(0.2, 'path_with_escaped_slashes_action', () =>
      sketch.one(['KEEP_UNCHANGED', 'REJECT_REQUEST', 'UNESCAPE_AND_REDIRECT', 'UNESCAPE_AND_FORWARD', 'IMPLEMENTATION_SPECIFIC_DEFAULT']),
    ),
  }
}

function hosts(sketch: Sketch): JsonObject {
  return {
    ...sketch.one<JsonObject>([
      {},
      {},
      { strip_any_host_port: true },
      { strip_matching_host_port: true },
      sketch.odd(0.3) ? { strip_any_host_port: true, strip_matching_host_port: true } : { strip_any_host_port: false },
    ]),
    ...sketch.maybe(0.15, 'strip_trailing_host_dot', () => sketch.chance(0.8)),
  }
}

function clients(sketch: Sketch): JsonObject {
  const addresses = ['9.9.9.9', '10.1.2.3', CLIENT_ADDRESS, '127.0.0.1', '::1', 'fd00::1', 'junk', '10.1.2.3:80', '']
  const several = (): string => sketch.many(1, 3, () => sketch.one(addresses)).join(sketch.one([',', ', ']))
  if (sketch.chance(0.6)) sketch.headers.push(['x-forwarded-for', several()])
  if (sketch.chance(0.4)) sketch.headers.push([sketch.one(CLEANED), sketch.one(['90000', 'a', '/x'])])
  const detection = sketch.maybe(0.08, 'original_ip_detection_extensions', () => sketch.many(1, 2, () => ipDetection(sketch)))
  return {
    ...detection,
    ...sketch.maybe(
      0.4,
      'use_remote_address',
      () => sketch.chance(0.8) && (!('original_ip_detection_extensions' in detection) || sketch.odd(0.5)),
    ),
    ...sketch.maybe(0.2, 'xff_num_trusted_hops', () =>
      sketch.one([0, 1, 2, 'original_ip_detection_extensions' in detection && !sketch.odd(0.3) ? 0 : 3]),
    ),
    ...sketch.maybe(0.15, 'skip_xff_append', () => true),
    ...sketch.maybe(0.3, 'internal_address_config', () => ({
      ...sketch.maybe(0.8, 'cidr_ranges', () =>
        sketch.many(1, 2, () =>
          sketch.one<JsonObject>([
            { address_prefix: '127.0.0.0', prefix_len: 8 },
            { address_prefix: '10.0.0.0', prefix_len: 8 },
            { address_prefix: '9.9.9.9', prefix_len: 32 },
            { address_prefix: 'fd00::', prefix_len: 8 },
            { address_prefix: '0.0.0.0' },
          ]),
        ),
      ),
      ...sketch.maybe(0.2, 'unix_sockets', () => true),
    })),
    ...sketch.maybe(0.1, 'add_user_agent', () => true),
    ...sketch.maybe(0.1, 'append_x_forwarded_port', () => true),
    ...sketch.maybe(0.15, 'forward_client_cert_details', () =>
      sketch.one(['SANITIZE', 'FORWARD_ONLY', 'APPEND_FORWARD', 'SANITIZE_SET', 'ALWAYS_FORWARD_ONLY']),
    ),
    ...sketch.maybe(0.1, 'scheme_header_transformation', () =>
      sketch.one<JsonObject>([{ scheme_to_overwrite: 'https' }, { scheme_to_overwrite: 'http' }, {}]),
    ),
    ...sketch.maybe(0.1, 'preserve_external_request_id', () => true),
    ...sketch.maybe(0.1, 'represent_ipv4_remote_address_as_ipv4_mapped_ipv6', () => false),
  }
}

const CLEANED = [
  'x-envoy-original-path',
  'x-envoy-original-host',
  'x-envoy-internal',
  'x-envoy-external-address',
  'x-envoy-decorator-operation',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-max-retries',
  'x-envoy-retry-on',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-ip-tags',
  'x-envoy-downstream-service-cluster',
  'x-forwarded-client-cert',
  'x-forwarded-port',
  'x-client',
  'x-request-id',
] as const

function ipDetection(sketch: Sketch): JsonObject {
  sketch.headers.push(['x-client', sketch.one(['9.9.9.9', '10.1.2.3', 'junk', 'fd00::1'])])
  return sketch.chance(0.6)
    ? {
        name: 'envoy.extensions.http.original_ip_detection.custom_header',
        typed_config: {
          '@type': `${EXTENSIONS}.original_ip_detection.custom_header.v3.CustomHeaderConfig`,
          header_name: sketch.odd(0.1) ? '' : 'x-client',
          ...sketch.maybe(0.4, 'allow_extension_to_set_address_as_trusted', () => sketch.chance(0.8)),
          ...sketch.maybe(0.3, 'reject_with_status', () => ({ code: sketch.one(['Forbidden', 'BadRequest', 'NotFound', 'OK']) })),
        },
      }
    : {
        name: 'envoy.http.original_ip_detection.xff',
        typed_config: {
          '@type': `${EXTENSIONS}.original_ip_detection.xff.v3.XffConfig`,
          ...(sketch.chance(0.5)
            ? sketch.maybe(0.5, 'xff_num_trusted_hops', () => sketch.one([0, 1, 2]))
            : { xff_trusted_cidrs: { cidrs: trusted(sketch) }, ...(sketch.odd(0.1) && { xff_num_trusted_hops: 1 }) }),
          ...sketch.maybe(0.4, 'skip_xff_append', () => sketch.chance(0.5)),
        },
      }
}

function trusted(sketch: Sketch): readonly JsonObject[] {
  return [
    ...(sketch.chance(0.8) ? [{ address_prefix: '127.0.0.0', prefix_len: 8 }] : []),
    ...(sketch.chance(0.6) ? [{ address_prefix: '10.0.0.0', prefix_len: 8 }] : []),
    ...(sketch.chance(0.3) ? [{ address_prefix: 'fd00::', prefix_len: 8 }] : []),
  ]
}

function answers(sketch: Sketch): JsonObject {
  return {
    ...sketch.maybe(0.2, 'via', () => sketch.one(['mesh', '1.1 a, 1.1 b'])),
    ...sketch.maybe(0.1, 'server_name', () => 'front'),
    ...sketch.maybe(0.1, 'server_header_transformation', () => sketch.one(['OVERWRITE', 'APPEND_IF_ABSENT', 'PASS_THROUGH'])),
    ...sketch.maybe(0.2, 'proxy_status_config', () => ({
      ...sketch.maybe(0.3, 'remove_details', () => true),
      ...sketch.maybe(0.3, 'remove_response_flags', () => true),
      ...sketch.maybe(0.3, 'remove_connection_termination_details', () => true),
      ...sketch.maybe(0.4, 'set_recommended_response_code', () => true),
      ...sketch.one<JsonObject>([{}, {}, { use_node_id: true }, { literal_proxy_name: 'edge 1' }]),
    })),
    ...sketch.maybe(0.3, 'local_reply_config', () => randomLocalReplies(sketch)),
  }
}

function heads(sketch: Sketch): JsonObject {
  const mutation = 'envoy.http.early_header_mutation.header_mutation'
  return {
    ...sketch.maybe(0.15, 'common_http_protocol_options', () => {
      sketch.headers.push([sketch.one(['x_under', 'x_a']), 'a'])
      return {
        headers_with_underscores_action: sketch.one(['ALLOW', 'REJECT_REQUEST', 'DROP_HEADER']),
        ...sketch.maybe(0.3, 'max_headers_count', () => sketch.one([2, 5, 100])),
      }
    }),
    ...sketch.maybe(0.05, 'max_request_headers_kb', () => {
      sketch.headers.push(['x-a', 'a'.repeat(sketch.one([900, 980, 1000, 1100]))])
      return 1
    }),
    ...sketch.maybe(0.05, 'http_protocol_options', () => ({ ...sketch.maybe(0.5, 'accept_http_10', () => true) })),
    ...sketch.maybe(0.15, 'early_header_mutation_extensions', () => [
      {
        name: mutation,
        typed_config: {
          '@type': `${EXTENSIONS}.early_header_mutation.header_mutation.v3.HeaderMutation`,
          mutations: sketch.many(sketch.odd(0.2) ? 0 : 1, 3, () => earlyMutation(sketch)),
        },
      },
    ]),
  }
}

function earlyMutation(sketch: Sketch): JsonObject {
  const key = sketch.one(['x-a', 'x-b', 'x-new', 'x-forwarded-for', 'x-forwarded-proto', 'x-envoy-internal', 'X-Mixed'])
  const value = sketch.one([
    'v',
    'a',
    '%REQ(x-a)%',
    '%PROTOCOL%',
    '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
    '',
    '%REQ(:PATH)%',
    '10.1.2.3',
  ])
  if (sketch.chance(0.25)) return { remove: key }
  return {
    append: {
      header: { key, value },
      ...sketch.maybe(0.7, 'append_action', () =>
        sketch.one(['APPEND_IF_EXISTS_OR_ADD', 'ADD_IF_ABSENT', 'OVERWRITE_IF_EXISTS_OR_ADD', 'OVERWRITE_IF_EXISTS']),
      ),
      ...sketch.maybe(0.2, 'keep_empty_value', () => true),
    },
  }
}
