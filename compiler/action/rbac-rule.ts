/**
 * Permission and Principal of RBAC. In: their cursors; a request. Out: a rule; true, false, or undefined where the request does not tell.
 * Source: Envoy's config/rbac/v3/rbac.proto.
 */
import type { StringMatch } from '../http/model.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Cursor } from '../input/cursor.ts'
import { evalHeaderMatch, type HeaderMatch, readHeaderMatch } from '../match/header.ts'
import { evalStringMatch, readStringMatch } from '../match/string-match.ts'
import { type Cidr, contains, portOf, readCidr } from './cidr.ts'

export type RbacRule =
  | { readonly kind: 'any' }
  | { readonly kind: 'and' | 'or'; readonly of: readonly RbacRule[] }
  | { readonly kind: 'not'; readonly of: RbacRule }
  | { readonly kind: 'header'; readonly header: HeaderMatch }
  | { readonly kind: 'path'; readonly path: StringMatch }
  | { readonly kind: 'source_ip' | 'remote_ip' | 'destination_ip'; readonly range: Cidr | undefined }
  /** from `from` to below `to` */
  | { readonly kind: 'destination_port'; readonly from: number; readonly to: number }
  | { readonly kind: 'server_name'; readonly name: StringMatch }
  /** a client certificate is needed; any, where there is no name */
  | { readonly kind: 'authenticated'; readonly name: StringMatch | undefined }
  /** dynamic metadata of other filters */
  | { readonly kind: 'metadata'; readonly invert: boolean }
  | { readonly kind: 'unknown'; readonly what: string }

export function readPermission(at: Cursor): RbacRule {
  const kind = at.oneof('rule')
  switch (kind) {
    case 'and_rules':
    case 'or_rules':
      return { kind: kind === 'and_rules' ? 'and' : 'or', of: (at.message(kind)?.messages('rules') ?? []).map(readPermission) }
    case 'not_rule':
      return negation(at.message(kind), readPermission)
    case 'destination_ip':
      return { kind, range: readCidr(at.message(kind)) }
    case 'destination_port': {
      const port = at.number(kind) ?? 0
      return { kind, from: port, to: port + 1 }
    }
    case 'destination_port_range': {
      const range = at.message(kind)
      return { kind: 'destination_port', from: range?.number('start') ?? 0, to: range?.number('end') ?? 0 }
    }
    case 'requested_server_name':
      return { kind: 'server_name', name: readStringMatch(at.message(kind)) }
    default:
      return readCommon(at, kind)
  }
}

export function readPrincipal(at: Cursor): RbacRule {
  const kind = at.oneof('identifier')
  switch (kind) {
    case 'and_ids':
    case 'or_ids':
      return { kind: kind === 'and_ids' ? 'and' : 'or', of: (at.message(kind)?.messages('ids') ?? []).map(readPrincipal) }
    case 'not_id':
      return negation(at.message(kind), readPrincipal)
    case 'source_ip':
    case 'direct_remote_ip':
      return { kind: 'source_ip', range: readCidr(at.message(kind)) }
    case 'remote_ip':
      return { kind, range: readCidr(at.message(kind)) }
    case 'authenticated': {
      const name = at.message(kind)?.message('principal_name')
      return { kind, name: name === undefined ? undefined : readStringMatch(name) }
    }
    default:
      return readCommon(at, kind)
  }
}

function negation(at: Cursor | undefined, read: (at: Cursor) => RbacRule): RbacRule {
  return at === undefined ? { kind: 'unknown', what: 'nothing' } : { kind: 'not', of: read(at) }
}

function readCommon(at: Cursor, kind: string | undefined): RbacRule {
  switch (kind) {
    case 'any':
      return at.boolean(kind) === true ? { kind: 'any' } : { kind: 'not', of: { kind: 'any' } }
    case 'header': {
      const header = at.message(kind)
      return header === undefined ? { kind: 'unknown', what: kind } : { kind, header: readHeaderMatch(header) }
    }
    case 'metadata':
      return { kind, invert: at.message(kind)?.boolean('invert') ?? false }
    case 'url_path':
      return { kind: 'path', path: readStringMatch(at.message(kind)?.message('path')) }
    default:
      return { kind: 'unknown', what: kind ?? 'nothing' }
  }
}

/** `metadata`: whether a filter may have set any */
export function evalRbacRule(rule: RbacRule, request: HttpRequest, metadata: 'none' | 'unknown'): boolean | undefined {
  switch (rule.kind) {
    case 'any':
      return true
    case 'and':
      return all(rule.of.map((one) => evalRbacRule(one, request, metadata)))
    case 'or':
      return invert(all(rule.of.map((one) => invert(evalRbacRule(one, request, metadata)))))
    case 'not':
      return invert(evalRbacRule(rule.of, request, metadata))
    case 'header':
      return evalHeaderMatch(rule.header, request)
    case 'path':
      return evalStringMatch(rule.path, request.barePath)
    case 'source_ip':
      return contains(rule.range, request.source)
    case 'remote_ip':
      return contains(rule.range, request.remote)
    case 'destination_ip':
      return contains(rule.range, request.destination)
    case 'destination_port': {
      const port = portOf(request.destination)
      return port === undefined ? undefined : port >= rule.from && port < rule.to
    }
    case 'server_name':
      return request.tls ? undefined : evalStringMatch(rule.name, '')
    case 'authenticated':
      return request.tls ? undefined : false
    case 'metadata':
      return metadata === 'none' ? rule.invert : undefined
    case 'unknown':
      return undefined
  }
}

function invert(value: boolean | undefined): boolean | undefined {
  return value === undefined ? undefined : !value
}

/** false as soon as one is; else unknown as soon as one is */
function all(values: readonly (boolean | undefined)[]): boolean | undefined {
  if (values.includes(false)) return false
  return values.includes(undefined) ? undefined : true
}
