/**
 * Whose listener is it: the addresses that a client dials to meet a listener. In: all listeners. Out: keys by listener, each key once; listeners
 * that nothing leads to have none. Names carry no meaning.
 *
 * Envoy's rule for a redirected connection (ConnectionHandlerImpl::getBalancedHandlerByAddress, tried): exact address and port; else the wildcard of
 * the family with that port ([::] with ipv4_compat takes IPv4 where no 0.0.0.0 listener does); else the listener with use_original_dst itself.
 * A wildcard that binds its port, where nothing redirects, takes what arrives at the node's own addresses: those given with --address.
 * Original destinations exist for TCP only; a UDP wildcard always binds.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { ListenAddress, Listener, Resources } from '../parse/resources.ts'
import { keyText } from './key-text.ts'
import { addressPortText } from '../../proto/address/address-text.ts'
import { isAnyAddress, isMapped } from '../../proto/address/mapped.ts'
import type { ListenerKey, Protocol } from './program.ts'

/** How firmly a listener holds a key: a listener that says so itself wins over one that is there by extension. */
interface Claim {
  readonly key: ListenerKey
  /** protocol and key */
  readonly text: string
  readonly extended: boolean
}

export function listenerKeys(resources: Resources, diag: Diagnostics): ReadonlyMap<Listener, readonly ListenerKey[]> {
  reportTwice(resources.listeners, diag)
  const claims = new Map<Listener, readonly Claim[]>()
  for (const listener of resources.listeners) claims.set(listener, claimsOf(listener, resources, diag))
  const owners = new Map<string, Listener>()
  for (const extended of [false, true]) {
    for (const [listener, list] of claims) {
      for (const claim of list) {
        if (claim.extended !== extended) continue
        const owner = owners.get(claim.text)
        if (owner === undefined) owners.set(claim.text, listener)
        else if (owner !== listener && claim.key.kind === 'catch_all') reportCatchAlls(listener, owner, diag)
      }
    }
  }
  return new Map([...claims].map(([listener, list]) => [listener, unique(list.filter(({ text }) => owners.get(text) === listener))]))
}

function unique(claims: readonly Claim[]): readonly ListenerKey[] {
  if (claims.length < 2) return claims.map(({ key }) => key)
  return [...new Map(claims.map(({ text, key }) => [text, key])).entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, key]) => key)
}

function claimsOf(listener: Listener, resources: Resources, diag: Diagnostics): readonly Claim[] {
  const { addresses, direction, protocol, bindToPort } = listener
  if (direction === 'INBOUND') {
    reportInbound(listener, diag)
    return []
  }
  if (addresses.length === 0) return []
  if (listener.useOriginalDst && protocol === 'tcp') {
    const families = addresses.flatMap(({ address, compat }): readonly ('v4' | 'v6')[] =>
      isMapped(address) ? ['v4'] : compat ? ['v6', 'v4'] : ['v6'],
    )
    const own = addresses.filter(({ address }) => !isAnyAddress(address))
    return [
      ...families.map((family, index) => claim('tcp', { kind: 'catch_all', family }, index > 0 && family === 'v4' ? 'extended' : 'own')),
      ...own.map(({ address, port }) => claim('tcp', { kind: 'exact', address, port }, 'own')),
    ]
  }
  const foreign = !bindToPort || (resources.redirected && protocol === 'tcp')
  const claims = addresses.flatMap((place): readonly Claim[] => {
    const { address, port } = place
    if (!isAnyAddress(address)) return [claim(protocol, { kind: 'exact', address, port }, 'own')]
    return foreign ? wildcard(protocol, place) : ownAddresses(protocol, place, resources.addresses)
  })
  if (claims.length === 0) {
    const text = addresses.map(({ address, port }) => addressPortText(address, port)).join(', ')
    diag.report({
      code: 'KM1208',
      severity: 'warning',
      path: addresses[0]?.path ?? listener.path,
      fix: 'name the addresses of the node with --address',
      message: `listener "${listener.name}" on ${text} binds its port and stands for the addresses of its node, of which none is given; it is diverted and not installed`,
    })
  }
  return claims
}

function claim(protocol: Protocol, key: ListenerKey, by: 'own' | 'extended'): Claim {
  return { key, text: `${protocol} ${keyText(key)}`, extended: by === 'extended' }
}

function wildcard(protocol: Protocol, { address, port, compat }: ListenAddress): readonly Claim[] {
  if (isMapped(address)) return [claim(protocol, { kind: 'any4', port }, 'own')]
  const any6 = claim(protocol, { kind: 'any6', port }, 'own')
  return compat ? [any6, claim(protocol, { kind: 'any4', port }, 'extended')] : [any6]
}

function ownAddresses(protocol: Protocol, { address, port, compat }: ListenAddress, own: readonly Uint8Array[]): readonly Claim[] {
  const v4 = isMapped(address)
  return own
    .filter((candidate) => isMapped(candidate) === v4 || (compat && isMapped(candidate)))
    .map((candidate) => claim(protocol, { kind: 'exact', address: candidate, port }, 'extended'))
}

/** Envoy refuses the second listener, whatever their directions and whether they bind (tried). */
function reportTwice(listeners: readonly Listener[], diag: Diagnostics): void {
  const first = new Map<string, Listener>()
  for (const listener of listeners) {
    for (const place of listener.addresses) {
      const text = addressPortText(place.address, place.port)
      const known = first.get(`${listener.protocol} ${text}`)
      if (known === undefined) first.set(`${listener.protocol} ${text}`, listener)
      else if (known !== listener) {
        diag.report({
          code: 'KM1206',
          severity: 'error',
          path: place.path,
          message: `listeners "${known.name}" and "${listener.name}" both have the address ${text}`,
          fix: 'remove one of the two; Envoy refuses the second',
        })
      }
    }
  }
}

function reportCatchAlls(listener: Listener, owner: Listener, diag: Diagnostics): void {
  diag.report({
    code: 'KM1219',
    severity: 'warning',
    path: listener.path,
    fix: 'mark the one for arriving connections with traffic_direction INBOUND',
    message: `listeners "${owner.name}" and "${listener.name}" both take what no other listener claims (use_original_dst); the first is used`,
  })
}

function reportInbound(listener: Listener, diag: Diagnostics): void {
  const policies =
    listener.policies.length === 0 ? 'nothing in it decides who may pass' : `not enforced here: ${listener.policies.join(', ')}`
  diag.report({
    code: 'KM1702',
    severity: 'warning',
    path: listener.path,
    message: `inbound listener "${listener.name}" is not installed; ${policies}`,
    fix:
      listener.policies.length === 0
        ? 'nothing needs to be done'
        : 'enforce it at the workload; a client that dials its address is not governed',
  })
}
