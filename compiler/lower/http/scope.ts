/**
 * One service while it is lowered: what matching and acting share. In: a builder and the service. Out: slots of the headers that anybody asks for, and the
 * contract of the lowering of actions. Invariant: a header has one slot in a service; whoever reads or replaces a header of a request has asked for it.
 */
import { INTEREST_MAX, NAME_HEADER } from '../../../proto/http/matching.ts'
import { isInlineHeader } from '../../http/inline-headers.ts'
import type { Route, VirtualHost } from '../../http/model.ts'
import type { HttpService } from '../../ir/program.ts'
import type { HttpBuilder } from './builder.ts'
import type { Slow } from './lowered.ts'

export interface ServiceScope {
  readonly builder: HttpBuilder
  readonly service: HttpService
  /** row of km_service: the scope of its names */
  readonly row: number
  /**
   * Slot of a header in km_request.found (`seen` tells whether it is there). `name` is lower-case and no pseudo header; undefined: the service asks for too many,
   * what needs it must go to user space.
   */
  interest(name: string): number | undefined
  /** The same for conditions, which take any of several values: the header may be there more than once. */
  asked(name: string): number | undefined
  /** bits of slots that may be there once only */
  readonly single: number
  /** names by slot */
  readonly interests: readonly string[]
  /** What is the same wherever the service has it: made when it is first asked for. `key` names what it is made of. */
  once(key: string, make: () => LoweredAction): LoweredAction
}

/** What is done, as a row of acting.ts, or why user space must do it. */
export type LoweredAction = { readonly kind: 'row'; readonly row: number } | Slow

/** How actions are lowered (actions.ts); each is asked once for what it names. */
export interface ActionLowering {
  /** `route` took the request: guards of filters, then its action */
  route(route: Route, host: VirtualHost, scope: ServiceScope): LoweredAction
  /** no route of the virtual host did, or (undefined) there is no virtual host */
  nowhere(host: VirtualHost | undefined, scope: ServiceScope): LoweredAction
  /** require_tls of the virtual host: on to https */
  requireTls(host: VirtualHost, scope: ServiceScope): LoweredAction
}

export function createServiceScope(builder: HttpBuilder, service: HttpService, row: number): ServiceScope {
  const slots = new Map<string, number>()
  const interests: string[] = []
  const made = new Map<string, LoweredAction>()
  let single = 0
  const slotOf = (name: string): number | undefined => {
    const held = slots.get(name)
    if (held !== undefined) return held
    const slot = interests.length
    if (slot >= INTEREST_MAX || !builder.name({ scope: row, kind: NAME_HEADER, text: name, target: slot })) return undefined
    interests.push(name)
    slots.set(name, slot)
    return slot
  }
  const interest = (name: string): number | undefined => {
    const slot = slotOf(name)
    if (slot !== undefined) single |= 1 << slot
    return slot
  }
  return {
    builder,
    service,
    row,
    interests,
    get single() {
      return single >>> 0
    },
    interest,
    once(key, make) {
      const held = made.get(key) ?? make()
      made.set(key, held)
      return held
    },
    // values of inline headers are joined; longer names are not looked for again
    asked: (name) => (isInlineHeader('request', name) || name.length > LONGEST_REPEATED ? interest(name) : slotOf(name)),
  }
}

/** bpf/lib/http/repeated.h compares four words */
const LONGEST_REPEATED = 32
