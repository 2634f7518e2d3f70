/**
 * The endpoints of a cluster as priorities and localities. In: a parsed cluster, its assignment, host-name addresses, who is chosen. Out: a Balance, or why
 * every connection is refused. Runs over all endpoints of a snapshot.
 * Source: Envoy's EdsClusterImpl, StaticClusterImpl, StrictDnsClusterImpl, LogicalDnsCluster: EDS keeps the first of equal addresses over all
 * priorities, the others keep them all (tried); gaps between priorities are empty priorities.
 */
import type { ReasonName } from '../../proto/abi.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import type {
  Assignment,
  BalanceSettings,
  Cluster as ParsedCluster,
  LbEndpoint,
  Locality as ParsedLocality,
  LookupFamily,
  Resources,
} from '../parse/resources.ts'
import { addressPortText } from '../../proto/address/address-text.ts'
import { isMapped } from '../../proto/address/mapped.ts'
import { IpEndpoint, placeText } from './ip-endpoint.ts'
import type { Balance, Cluster, Endpoint, Locality, Priority } from './program.ts'
import { ANYBODY, type Chosen } from './subsets.ts'
import { transportOf } from './transport.ts'

type Target = Cluster['target']
/** What the user says of addresses. */
type Addressing = Pick<Resources, 'resolve' | 'plaintextTo'>
export type Refusal = Extract<Target, { kind: 'refuse' }>

export function balanceOf(
  cluster: ParsedCluster,
  assignment: Assignment,
  settings: BalanceSettings,
  resources: Addressing,
  diag: Diagnostics,
  chosen: Chosen = ANYBODY,
): Target {
  const builder = new Builder(cluster, settings, resources, diag, chosen)
  const priorities: { localities: Locality[] }[] = []
  for (const [index, locality] of assignment.localities.entries()) {
    while (priorities.length <= locality.priority) priorities.push({ localities: [] })
    ;(priorities[locality.priority] as { localities: Locality[] }).localities.push(
      builder.locality(locality, `${assignment.path}.endpoints[${index}].lb_endpoints`),
    )
  }
  builder.report()
  if (builder.refusal !== undefined) return builder.refusal
  const { policy, localityWeighted, failTrafficOnPanic, panicThreshold } = settings
  const balance: Balance = {
    policy,
    priorities: priorities as readonly Priority[],
    overprovisioningFactor: assignment.overprovisioningFactor,
    panicThreshold,
    failTrafficOnPanic,
    localityWeighted,
    weightedPriorityHealth: assignment.weightedPriorityHealth,
  }
  return { kind: 'balance', balance }
}

/** Two findings of one kind are told as one, at the first place. */
interface Tally {
  path: string
  text: string
  count: number
}

class Builder {
  refusal: Refusal | undefined
  private readonly seen: Set<string> | undefined
  private readonly tallies = new Map<'tls' | 'none' | 'name' | 'repeated', Tally>()
  private readonly cluster: ParsedCluster
  private readonly settings: BalanceSettings
  private readonly resources: Addressing
  private readonly diag: Diagnostics
  private readonly chosen: Chosen
  private readonly transport: ReturnType<typeof transportOf>
  private endpoints = 0
  /** where the endpoint at hand stands */
  private list = ''
  private position = 0

  constructor(cluster: ParsedCluster, settings: BalanceSettings, resources: Addressing, diag: Diagnostics, chosen: Chosen) {
    this.cluster = cluster
    this.chosen = chosen
    this.settings = settings
    this.resources = resources
    this.diag = diag
    this.seen = cluster.discovery.kind === 'eds' ? new Set() : undefined
    this.transport = transportOf(cluster.transport, resources.plaintextTo)
  }

  /** `path`: of the list of its endpoints */
  locality(locality: ParsedLocality, path: string): Locality {
    this.list = path
    const { region, zone, subZone, weight } = locality
    const endpoints: Endpoint[] = []
    for (this.position = 0; this.position < locality.endpoints.length; this.position++) {
      this.endpoint(locality.endpoints[this.position] as LbEndpoint, locality, endpoints)
    }
    // a list that was made by adding has room for more
    return { region, zone, subZone, weight, endpoints: endpoints.slice() }
  }

  private endpoint(endpoint: LbEndpoint, locality: ParsedLocality, into: Endpoint[]): void {
    const { target } = endpoint
    if (!this.chosen(endpoint.lb)) {
      if (target.kind === 'ip') this.seen?.add(placeText(target.text, target.port))
      else if (target.kind === 'invalid') this.invalid(target.why)
      else if (target.kind === 'name' && this.cluster.discovery.kind !== 'dns') this.invalid(whyNoAddress(target.name))
      return
    }
    this.endpoints++
    const need = this.transport(endpoint.labels, locality.labels)
    if (need !== undefined) this.count('tls', need.path, need.why)
    switch (target.kind) {
      case 'ip':
        this.placed(endpoint, target, into)
        return
      case 'name':
        this.named(endpoint, target.name, target.port, into)
        return
      case 'none':
        this.count('none', this.path, target.why)
        return
      case 'invalid':
        this.invalid(target.why)
    }
  }

  private named(endpoint: LbEndpoint, name: string, port: number, into: Endpoint[]): void {
    const { discovery } = this.cluster
    if (discovery.kind !== 'dns') {
      this.invalid(whyNoAddress(name))
      return
    }
    const given = ofFamily(this.resources.resolve.get(name.toLowerCase().replace(/\.$/, '')) ?? [], discovery.family)
    if (given.length === 0) this.count('name', this.path, name)
    for (const address of discovery.use === 'first' ? given.slice(0, 1) : given) {
      const place = addressPortText(address, port)
      if (!this.isFirst(place)) continue
      const hashKey = this.ownKey(endpoint, endpoint.hostname === '' ? name : endpoint.hostname) ?? place
      into.push({ address, port, weight: endpoint.weight, health: endpoint.health, hashKey })
    }
  }

  private placed(endpoint: LbEndpoint, { text, port }: Extract<LbEndpoint['target'], { kind: 'ip' }>, into: Endpoint[]): void {
    if (this.seen !== undefined && !this.isFirst(placeText(text, port))) return
    into.push(new IpEndpoint(text, port, endpoint.weight, endpoint.health, this.ownKey(endpoint, endpoint.hostname)))
  }

  /** `place`: the address with its port, as Envoy writes it */
  private isFirst(place: string): boolean {
    if (this.seen?.has(place) === true) {
      this.count('repeated', this.path, place)
      return false
    }
    this.seen?.add(place)
    return true
  }

  /** what is hashed instead of address and port */
  private ownKey({ hashKey }: LbEndpoint, hostname: string): string | undefined {
    return hashKey !== '' ? hashKey : this.settings.useHostnameForHashing ? hostname : undefined
  }

  private get path(): string {
    return `${this.list}[${this.position}]`
  }

  private invalid(why: string): void {
    reportAddress(this.cluster.name, this.path, why, this.diag)
  }

  private count(kind: 'tls' | 'none' | 'name' | 'repeated', path: string, text: string): void {
    const known = this.tallies.get(kind)
    if (known === undefined) this.tallies.set(kind, { path, text, count: 1 })
    else known.count++
  }

  report(): void {
    const { name } = this.cluster
    const some = (count: number): string => (count === this.endpoints ? 'its endpoints' : `${count} of its ${this.endpoints} endpoints`)
    const tls = this.tallies.get('tls')
    if (tls !== undefined) {
      const fix =
        this.transport(ISTIO, undefined)?.istio === true
          ? 'if the servers take plain text too (PERMISSIVE), say --plaintext-to=istio'
          : 'let a proxy serve this cluster'
      this.refuse('tls', `${some(tls.count)} need ${tls.text}`)
      this.diag.report({
        code: 'KM1301',
        severity: 'warning',
        path: tls.path,
        message: `cluster "${name}": ${some(tls.count)} need ${tls.text}; connections to it are refused (tls)`,
        fix,
      })
    }
    const none = this.tallies.get('none')
    if (none !== undefined) {
      this.refuse('unresolved', `${some(none.count)} have no IP address (${none.text})`)
      this.diag.report({
        code: 'KM1303',
        severity: 'warning',
        path: none.path,
        message: `cluster "${name}": ${some(none.count)} have no IP address but ${none.text}; connections to it are refused (unresolved)`,
        fix: 'let a proxy serve this cluster',
      })
    }
    const named = this.tallies.get('name')
    if (named !== undefined) {
      this.refuse('unresolved', `host name ${named.text}`)
      const more = named.count > 1 ? ` and ${named.count - 1} more` : ''
      this.diag.report({
        code: 'KM1302',
        severity: 'warning',
        path: named.path,
        message: `cluster "${name}" has endpoints by host name (${named.text}${more}) without addresses; connections to it are refused (unresolved)`,
        fix: `give the addresses with --resolve, for instance {"${named.text}": ["192.0.2.1"]}`,
      })
    }
    const repeated = this.tallies.get('repeated')
    if (repeated !== undefined) {
      const more = repeated.count > 1 ? ` and ${repeated.count - 1} more` : ''
      this.diag.report({
        code: 'KM1312',
        severity: 'warning',
        path: repeated.path,
        message: `cluster "${name}": the endpoint ${repeated.text}${more} is repeated; the first counts, as in Envoy`,
        fix: 'remove the repetition',
      })
    }
  }

  private refuse(reason: ReasonName, why: string): void {
    this.refusal ??= { kind: 'refuse', reason, why }
  }
}

const ISTIO = { tlsMode: 'istio' }

/** Envoy's dns_lookup_family over the addresses that the user gave. */
function ofFamily(addresses: readonly Uint8Array[], family: LookupFamily): readonly Uint8Array[] {
  if (family === 'ALL') return addresses
  const v4 = addresses.filter(isMapped)
  const v6 = addresses.filter((address) => !isMapped(address))
  if (family === 'V4_ONLY') return v4
  if (family === 'V6_ONLY') return v6
  const [first, second] = family === 'V4_PREFERRED' ? [v4, v6] : [v6, v4]
  return first.length > 0 ? first : second
}

/** What Envoy refuses of an assignment that nobody balances here; the cluster is STATIC. */
export function reportAddresses({ name }: ParsedCluster, assignment: Assignment, diag: Diagnostics): void {
  for (const [index, { endpoints }] of assignment.localities.entries()) {
    for (const [position, { target }] of endpoints.entries()) {
      const why = target.kind === 'invalid' ? target.why : target.kind === 'name' ? whyNoAddress(target.name) : undefined
      if (why !== undefined) reportAddress(name, `${assignment.path}.endpoints[${index}].lb_endpoints[${position}]`, why, diag)
    }
  }
}

const whyNoAddress = (name: string): string => (name === '' ? 'has no address' : `"${name}" is no IP address`)

function reportAddress(cluster: string, path: string, why: string, diag: Diagnostics): void {
  diag.report({
    code: 'KM1309',
    severity: 'error',
    path,
    message: `an endpoint of cluster "${cluster}" has an address that Envoy refuses: ${why}`,
    fix: 'give an IP address and a port number, or make the cluster STRICT_DNS or LOGICAL_DNS',
  })
}
