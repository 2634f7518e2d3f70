/**
 * Generic matchers (xds.type.matcher.v3.Matcher) wherever they are: what they look at and what they do has to be an extension of that kind; which of them, says matcher-inputs.ts. In: their messages. Out:
 * findings. Source: tried on Envoy 1.40 at HTTP filters, UDP routes and listeners.
 */
import type { Cursor } from '../input/cursor.ts'
import { checkExtension } from './extension-points.ts'
import { EXTENSION_TYPES, type ExtensionKind } from './extension-types.ts'
import type { Rule } from './rule.ts'

/** Inputs of generic matchers. Routes take fewer of them, which virtual-host.ts says. */
export const matcherInputs: Rule = {
  types: ['xds.type.matcher.v3.', 'envoy.config.common.matcher.v3.'].flatMap((folder) => [
    `${folder}Matcher.MatcherTree`,
    `${folder}Matcher.MatcherList.Predicate.SinglePredicate`,
  ]),
  check(at, context) {
    if (ROUTE_MATCHER.test(at.path)) return
    const config = at.message('input')?.any('typed_config')
    if (config === undefined) return
    if (config.type !== CEL) checkExtension(config, 'matching.input', context)
  },
}

const ROUTE_MATCHER = /\.virtual_hosts\[\d+\]\.matcher\./
const CEL = 'xds.type.matcher.v3.HttpAttributesCelMatchInput'

/** What a generic matcher does: never a filter. */
export const matcherActions: Rule = {
  types: ['xds.type.matcher.v3.Matcher.OnMatch', 'envoy.config.common.matcher.v3.Matcher.OnMatch'],
  check(at, context) {
    if (ROUTE_MATCHER.test(at.path)) return
    const action = at.message('action')
    const config = action?.has('typed_config') === true ? action.any('typed_config') : undefined
    if (config === undefined) return
    if (config.type === '') context.refuseUnlessLoaded('KM2032', config.path, 'the action has an empty typed_config')
    else if (isNoAction(config)) context.refuseUnlessLoaded('KM2115', config.path, `${config.type} is no action of a matcher`)
  },
}

/** `config`: what an action's typed_config holds */
export function isNoAction({ type, path }: Cursor): boolean {
  return FILTER_KINDS.some((kind) => isOfKind(type, kind)) || (type === NAME && !NAMING.test(path))
}

/** the name of a filter chain or of a transport socket */
const NAME = 'google.protobuf.StringValue'
const NAMING = /\.(?:filter_chain_matcher|transport_socket_matcher)\b/
const FILTER_KINDS = [
  'filters.http',
  'filters.network',
  'filters.listener',
  'filters.udp_listener',
  'matching.input',
  'access_loggers',
] as const

function isOfKind(type: string, kind: ExtensionKind): boolean {
  const types: ReadonlySet<string> = EXTENSION_TYPES[kind]
  return types.has(type)
}
