/**
 * Redirection in a closed namespace, by the kernel's own packet filter, as a mesh does it. In: a namespace, the group that is exempt, which connections go where.
 * Out: rules in force, until the namespace goes. Needs iptables and ip6tables.
 */
import type { Place } from '../judging/places.ts'
import { run } from '../kit/process.ts'

export interface Redirect {
  readonly from: Place
  readonly to: Place
}

/** Connections of `group` itself are left alone: Envoy's own, which would come back to it. */
export function redirect(namespace: string, group: number, redirects: readonly Redirect[]): void {
  for (const family of ['v4', 'v6'] as const) {
    const own = redirects.filter(({ from }) => from.address.includes(':') === (family === 'v6'))
    if (own.length === 0) continue
    const rules = own.map(
      ({ from, to }) => `-A OUTPUT -p tcp -d ${from.address} --dport ${from.port} -m owner ! --gid-owner ${group} -j ${target(to)}`,
    )
    const text = ['*nat', ':OUTPUT ACCEPT [0:0]', ...new Set(rules), 'COMMIT', ''].join('\n')
    run([family === 'v4' ? 'iptables-restore' : 'ip6tables-restore'], { namespace }, text)
  }
}

/** REDIRECT leads to the loopback address. */
function target({ address, port }: Place): string {
  if (address === '0.0.0.0' || address === '::') return `REDIRECT --to-ports ${port}`
  return `DNAT --to-destination ${address.includes(':') ? `[${address}]` : address}:${port}`
}
