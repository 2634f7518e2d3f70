/**
 * Unit shapes -> C text. In: the shapes of a Plan and the skeletons of `templates/`. Out: named C texts, and which program goes to which hook and
 * slot. Pure. Invariant: the text depends on the shape only; no string of a snapshot can reach it, since shapes hold none.
 */
import Handlebars from 'handlebars'
import { DECIDING_HOOKS, POLICIES, type PolicyName, PROGRAM_ENTRY, PROGRAM_POLICY } from '../../proto/abi.ts'
import type { UnitShape } from '../lower/plan.ts'

export type Hook = (typeof DECIDING_HOOKS)[number]

export interface Unit {
  /** file name without extension */
  readonly name: string
  readonly text: string
  readonly slots: readonly { readonly program: string; readonly hook: Hook; readonly slot: number }[]
}

export const BASE_UNIT = 'base'

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

/** `base` is the text of the constant object; it comes first and fills no slot. No units at all when nothing is governed. */
export function toC(shapes: readonly UnitShape[], templates: ReadonlyMap<string, string>, base: string): readonly Unit[] {
  return [{ name: BASE_UNIT, text: base, slots: [] }, ...shapes.map((shape) => unitOf(shape, templates))]
}

function unitOf(shape: UnitShape, templates: ReadonlyMap<string, string>): Unit {
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
