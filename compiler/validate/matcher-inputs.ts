/**
 * What generic matchers look at and lead to, which differs with where they are. In: a Matcher's cursor; the messages that hold one. Out: its inputs and steps; findings
 * where an input or an action exists, and not in this place. Each was tried on Envoy 1.40 in each of these places; virtual-host.ts says what routes are matched on.
 */
import type { Cursor } from '../input/cursor.ts'
import { checkExtension } from './extension-points.ts'
import { EXTENSION_TYPES, type ExtensionKind } from './extension-types.ts'
import { isNoAction } from './generic-matchers.ts'
import type { Context, Rule } from './rule.ts'

interface MatcherPlace {
  readonly fields: readonly string[]
  readonly inputs: ExtensionKind
  readonly actions: ExtensionKind
}

const RBAC = { fields: ['matcher', 'shadow_matcher'], actions: 'matching.action.rbac' } as const
/** messages that hold a matcher, by name */
const PLACES: Readonly<Record<string, MatcherPlace>> = {
  'envoy.extensions.common.matching.v3.ExtensionWithMatcher': {
    fields: ['xds_matcher'],
    inputs: 'matching.input.http',
    actions: 'matching.action.http',
  },
  'envoy.extensions.filters.http.rbac.v3.RBAC': { ...RBAC, inputs: 'matching.input.requests' },
  'envoy.extensions.filters.network.rbac.v3.RBAC': { ...RBAC, inputs: 'matching.input.connections' },
  'envoy.config.listener.v3.Listener': {
    fields: ['filter_chain_matcher'],
    inputs: 'matching.input.chains',
    actions: 'matching.action.chains',
  },
  'envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig': {
    fields: ['matcher'],
    inputs: 'matching.input.datagrams',
    actions: 'matching.action.datagrams',
  },
}

export const placedMatchers: Rule = {
  types: Object.keys(PLACES),
  check(at, context) {
    const place = PLACES[at.type]
    for (const field of place?.fields ?? []) {
      const matcher = at.message(field)
      if (place !== undefined && matcher !== undefined) checkMatcher(matcher, place, context)
    }
  },
}

const CEL = 'xds.type.matcher.v3.HttpAttributesCelMatchInput'
const ANYWHERE: ReadonlySet<string> = EXTENSION_TYPES['matching.input']

/** What is nowhere an input or an action is said by generic-matchers.ts. */
function checkMatcher(matcher: Cursor, { inputs, actions }: MatcherPlace, context: Context): void {
  for (const input of inputsOf(matcher)) {
    const config = input.any('typed_config')
    if (config !== undefined && ANYWHERE.has(config.type) && config.type !== CEL) checkExtension(config, inputs, context)
  }
  checkSteps(matcher, actions, context)
}

function checkSteps(matcher: Cursor, actions: ExtensionKind, context: Context): void {
  for (const step of stepsOf(matcher)) {
    const action = step.message('action')
    const config = action?.has('typed_config') === true ? action.any('typed_config') : undefined
    if (config !== undefined && config.type !== '' && !isNoAction(config)) checkExtension(config, actions, context)
    const nested = step.message('matcher')
    if (nested !== undefined) checkSteps(nested, actions, context)
  }
}

/** `matcher`: a Matcher; nested ones are looked at as well */
export function inputsOf(matcher: Cursor): readonly Cursor[] {
  const tree = matcher.message('matcher_tree')
  const own = tree?.message('input')
  return [
    ...(own === undefined ? [] : [own]),
    ...(matcher.message('matcher_list')?.messages('matchers') ?? []).flatMap((entry) => {
      const predicate = entry.message('predicate')
      return predicate === undefined ? [] : inputsOfPredicate(predicate)
    }),
    ...stepsOf(matcher).flatMap((step) => {
      const nested = step.message('matcher')
      return nested === undefined ? [] : inputsOf(nested)
    }),
  ]
}

/** What a matcher leads to, nested matchers left out. */
export function stepsOf(matcher: Cursor): readonly Cursor[] {
  const tree = matcher.message('matcher_tree')
  const entries = matcher.message('matcher_list')?.messages('matchers') ?? []
  const maps = ['exact_match_map', 'prefix_match_map'].flatMap((field) => tree?.message(field)?.map('map') ?? [])
  return [...entries.map((entry) => entry.message('on_match')), ...maps.map(([, step]) => step), matcher.message('on_no_match')].filter(
    (step) => step !== undefined,
  )
}

function inputsOfPredicate(predicate: Cursor): readonly Cursor[] {
  const input = predicate.message('single_predicate')?.message('input')
  const inner = predicate.message('not_matcher')
  const lists = ['or_matcher', 'and_matcher'].flatMap((field) => predicate.message(field)?.messages('predicate') ?? [])
  return [...(input === undefined ? [] : [input]), ...[...(inner === undefined ? [] : [inner]), ...lists].flatMap(inputsOfPredicate)]
}
