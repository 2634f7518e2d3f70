/**
 * Unit shapes -> C text. In: the shapes of a Plan and the skeletons of `templates/`. Out: named C texts, and which program goes to which hook and
 * slot. Pure. Invariant: the text depends on the shape only; no string of a snapshot can reach it, since shapes hold none.
 */
import Handlebars from 'handlebars'
import { DECIDING_HOOKS, POLICIES, type PolicyName, PROGRAM_ENTRY, PROGRAM_POLICY, type ProgramArray } from '../../proto/abi.ts'
import {
  PROGRAM_HTTP_ACT,
  PROGRAM_HTTP_FORWARD,
  PROGRAM_HTTP_POLICY,
  PROGRAM_HTTP_REQUEST,
  PROGRAM_HTTP_ROUTE,
} from '../../proto/http/sockets.ts'
import type { RouteFeature } from '../lower/http/features.ts'
import type { UnitShape } from '../lower/plan.ts'

export type Hook = (typeof DECIDING_HOOKS)[number]

export interface Unit {
  /** file name without extension */
  readonly name: string
  readonly text: string
  readonly slots: readonly { readonly program: string; readonly hook: ProgramArray; readonly slot: number }[]
}

/** Constant objects: the one that every artifact has, and those that come with requests. */
export const BASE_UNIT = 'base'
const REQUEST_UNITS = ['http', 'reply_local', 'reply_remote'] as const

/** How each policy is said in C: the header it lives in, the function that picks, and where its 64-bit hash comes from. */
const POLICY_C: Readonly<
  Record<PolicyName, { readonly header: string; readonly pick: string; readonly hash: string; readonly title: string }>
> = {
  ROUND_ROBIN: {
    header: 'in-turn.h',
    pick: 'km_pick_in_turn',
    hash: 'km_hash_for_tier',
    title: 'ROUND_ROBIN: endpoints in turn, by weight',
  },
  RANDOM: { header: 'evenly.h', pick: 'km_pick_evenly', hash: 'km_hash_random', title: 'RANDOM: any endpoint, whatever its weight' },
  LEAST_REQUEST: {
    header: 'least.h',
    pick: 'km_pick_least',
    hash: 'km_hash_for_tier',
    title: 'LEAST_REQUEST: the least busy of a few, or by weight over load',
  },
  RING_HASH: { header: 'ring.h', pick: 'km_pick_on_ring', hash: 'km_hash_given', title: 'RING_HASH: the next endpoint on the ring' },
  MAGLEV: { header: 'maglev.h', pick: 'km_pick_in_table', hash: 'km_hash_given', title: "MAGLEV: the endpoint of the hash's table entry" },
}

const HOOKS: Readonly<Record<Hook, { readonly protocol: 'tcp' | 'udp' | 'both'; readonly family: 4 | 6 }>> = {
  connect4: { protocol: 'both', family: 4 },
  connect6: { protocol: 'both', family: 6 },
  sendmsg4: { protocol: 'udp', family: 4 },
  sendmsg6: { protocol: 'udp', family: 6 },
}

/** `constants` are the texts of the constant objects; those that are needed come first and fill no slot. Then one unit for each shape. */
export function toC(
  shapes: readonly UnitShape[],
  templates: ReadonlyMap<string, string>,
  constants: ReadonlyMap<string, string>,
): readonly Unit[] {
  const requests = shapes.some((shape) => shape.kind === 'http_request')
  const names = [BASE_UNIT, ...(requests ? REQUEST_UNITS : [])]
  return [...names.map((name) => constantUnit(name, constants)), ...shapes.map((shape) => unitOf(shape, templates))]
}

function constantUnit(name: string, constants: ReadonlyMap<string, string>): Unit {
  const text = constants.get(name)
  if (text === undefined) throw new Error(`the constant object ${name} is missing`)
  return { name, text, slots: [] }
}

function unitOf(shape: UnitShape, templates: ReadonlyMap<string, string>): Unit {
  switch (shape.kind) {
    case 'http_request':
      return requestUnit('http_request', PROGRAM_HTTP_REQUEST, expand(templates, 'http-request', {}))
    case 'http_route':
      return requestUnit('http_route', PROGRAM_HTTP_ROUTE, expand(templates, 'http-route', featureNumbers(shape.features)))
    case 'http_act':
      return requestUnit('http_act', PROGRAM_HTTP_ACT, expand(templates, 'http-act', {}))
    case 'http_forward':
      return requestUnit('http_forward', PROGRAM_HTTP_FORWARD, expand(templates, 'http-forward', {}))
    case 'http_policy': {
      const { title, header, pick, hash } = POLICY_C[shape.policy]
      const name = shape.policy.toLowerCase()
      const values = { title, header, pick, hash, name, oneList: when(!shape.localities), localities: when(shape.localities) }
      return requestUnit(`http_${name}`, PROGRAM_HTTP_POLICY + POLICIES.indexOf(shape.policy), expand(templates, 'http-policy', values))
    }
    default:
      return connectionUnit(shape, templates)
  }
}

/** 1 for each that is needed, else 0. */
function featureNumbers(needed: ReadonlySet<RouteFeature>): Readonly<Record<RouteFeature, number>> {
  const one = (feature: RouteFeature): number => (needed.has(feature) ? 1 : 0)
  return { query: one('query'), values: one('values'), wildcards: one('wildcards'), ports: one('ports'), oddPaths: one('oddPaths') }
}

/** A unit with one program, which has its name. */
function requestUnit(name: string, slot: number, text: string): Unit {
  return { name, text, slots: [{ program: `km_${name}`, hook: 'request', slot }] }
}

function connectionUnit(shape: Extract<UnitShape, { kind: 'entry' | 'policy' }>, templates: ReadonlyMap<string, string>): Unit {
  const hooks = DECIDING_HOOKS.filter((hook) => HOOKS[hook].protocol === 'both' || shape.udp).map((hook) => ({
    hook,
    family: HOOKS[hook].family,
  }))
  if (shape.kind === 'entry') {
    const protocols = [shape.tcp ? 'TCP' : '', shape.udp ? 'UDP' : ''].filter((name) => name !== '').join(' and ')
    const text = expand(templates, 'entry', {
      title: `Entry of a generation with ${protocols} listeners`,
      dynamic: when(shape.dynamic),
      weighted: when(shape.weighted),
      http: when(shape.http),
      plain: when(!shape.http),
      hooks,
    })
    return { name: 'entry', text, slots: hooks.map(({ hook }) => ({ program: `km_entry_${hook}`, hook, slot: PROGRAM_ENTRY })) }
  }
  const { title, header, pick, hash } = POLICY_C[shape.policy]
  const name = shape.policy.toLowerCase()
  const text = expand(templates, 'policy', {
    title,
    header,
    pick,
    name,
    hooks,
    hash: shape.sourceHash ? [] : [hash],
    sourceHash: when(shape.sourceHash),
    oneList: when(!shape.localities),
    localities: when(shape.localities),
  })
  const slot = PROGRAM_POLICY + POLICIES.indexOf(shape.policy)
  return { name: `policy_${name}`, text, slots: hooks.map(({ hook }) => ({ program: `km_${name}_${hook}`, hook, slot })) }
}

/** Templates know only `each`: a line is there once or not at all. */
const when = (condition: boolean): readonly object[] => (condition ? [{}] : [])

function expand(templates: ReadonlyMap<string, string>, name: string, data: object): string {
  const source = templates.get(name)
  if (source === undefined) throw new Error(`template ${name} is missing`)
  return Handlebars.compile(source, { noEscape: true, strict: true })(data)
}
