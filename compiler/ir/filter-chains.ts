/**
 * Filter chains as the kernel can choose them: by destination port, then by the longest prefix of the destination. In: a listener's chains.
 * Out: at most one chain for each port and prefix; what is left of a match is either settled here or diverted by name.
 *
 * Envoy's order (FilterChainMatch; filter_chain_manager_impl.cc; tried): destination port, longest prefix, server name, transport protocol,
 * application protocols, source. It never goes back: a port or prefix that has chains of which none fits leads to the default chain, and so
 * does a port whose chains have no fitting prefix. Without an inspector the transport protocol is raw_buffer, server name and protocols are empty.
 * IPv4 and IPv6 prefixes are apart: ::/0 does not take IPv4, ::ffff:0:0/96 takes nothing.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { FilterChain as ParsedChain, Listener, Prefix } from '../parse/resources.ts'
import { prefixText } from '../../proto/address/address-text.ts'
import type { Action, FilterChain, HttpProtocol } from './program.ts'

export type ChainTarget =
  | { readonly kind: 'chain'; readonly chain: ParsedChain }
  | { readonly kind: 'fallback' }
  /** the first bytes choose: HTTP in plain text goes to `chain`, everything else to `otherwise` */
  | {
      readonly kind: 'sniffed'
      readonly chain: ParsedChain
      readonly protocols: readonly HttpProtocol[]
      readonly otherwise: Exclude<ChainTarget, { kind: 'sniffed' }>
    }
  | { readonly kind: 'divert'; readonly code: 'KM1204' | 'KM1205' | 'KM1215' | 'KM1701'; readonly path: string; readonly why: string }

/** A leaf of the match: a port (or any) and a prefix (or any) with its decision. */
interface Leaf {
  readonly prefix: Prefix | undefined
  readonly target: ChainTarget
}

const FALLBACK: ChainTarget = { kind: 'fallback' }
const MAPPED_BITS = 96
const ANY4: Prefix = { address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0), bits: MAPPED_BITS, family: 'v4' }

/** `settle` turns a decision into an action; it is asked once for each distinct one. */
export function filterChains(listener: Listener, settle: (target: ChainTarget) => Action, diag: Diagnostics): readonly FilterChain[] {
  const [only] = listener.chains
  // most listeners have one chain for everything
  if (only !== undefined && listener.chains.length === 1 && matchesEverything(only))
    return [{ path: only.path, prefixes: [], action: settle({ kind: 'chain', chain: only }) }]
  reportOverlaps(listener, diag)
  const ports = new Map<number | undefined, ParsedChain[]>()
  for (const chain of listener.chains) {
    const port = chain.match.destinationPort
    ports.set(port, [...(ports.get(port) ?? []), chain])
  }
  const result: FilterChain[] = []
  for (const [port, chains] of [...ports].sort(([a], [b]) => (a ?? -1) - (b ?? -1))) {
    for (const { targetPath, prefixes, target } of grouped(leavesOf(port, chains, listener), listener)) {
      result.push({ path: targetPath, ...(port === undefined ? {} : { destinationPort: port }), prefixes, action: settle(target) })
    }
  }
  return result
}

function matchesEverything({ match }: ParsedChain): boolean {
  const { destinationPort, prefixes, serverNames, transportProtocol, applicationProtocols, source } = match
  return (
    destinationPort === undefined &&
    prefixes.length === 0 &&
    serverNames.length === 0 &&
    transportProtocol === '' &&
    applicationProtocols.length === 0 &&
    source.length === 0
  )
}

/** Leaves with one decision become one chain; the leaf without prefix stands alone, as an empty list means any. */
function grouped(leaves: readonly Leaf[], listener: Listener): readonly { targetPath: string; prefixes: Prefix[]; target: ChainTarget }[] {
  const groups: { targetPath: string; prefixes: Prefix[]; target: ChainTarget; any: boolean }[] = []
  for (const { prefix, target } of leaves) {
    const known = groups.find((group) => same(group.target, target) && group.any === (prefix === undefined))
    if (known !== undefined && prefix !== undefined) known.prefixes.push(prefix)
    else
      groups.push({
        targetPath: pathOf(target, listener),
        prefixes: prefix === undefined ? [] : [prefix],
        target,
        any: prefix === undefined,
      })
  }
  for (const { prefixes } of groups) prefixes.sort((a, b) => compare(prefixText(a), prefixText(b)))
  return groups
}

function pathOf(target: ChainTarget, listener: Listener): string {
  if (target.kind === 'fallback') return listener.defaultChain?.path ?? listener.path
  return target.kind === 'chain' || target.kind === 'sniffed' ? target.chain.path : target.path
}

function same(a: ChainTarget, b: ChainTarget): boolean {
  if (a.kind === 'chain' && b.kind === 'chain') return a.chain === b.chain
  if (a.kind === 'sniffed' && b.kind === 'sniffed') return a.chain === b.chain && same(a.otherwise, b.otherwise)
  if (a.kind === 'divert' && b.kind === 'divert') return a.path === b.path && a.why === b.why
  return a.kind === 'fallback' && b.kind === 'fallback'
}

function leavesOf(port: number | undefined, chains: readonly ParsedChain[], listener: Listener): readonly Leaf[] {
  const byPrefix = new Map<string, { prefix: Prefix | undefined; chains: ParsedChain[] }>()
  for (const chain of chains) {
    for (const prefix of chain.match.prefixes.length === 0 ? [undefined] : chain.match.prefixes) {
      const text = prefix === undefined ? '' : `${prefix.family} ${prefixText(prefix)}`
      const known = byPrefix.get(text)
      if (known === undefined) byPrefix.set(text, { prefix, chains: [chain] })
      else if (!known.chains.includes(chain)) known.chains.push(chain)
    }
  }
  const any = byPrefix.get('')
  const anyTarget = any === undefined ? undefined : decide(any.chains, listener)
  const leaves: Leaf[] = []
  let covers4 = false
  let covers6 = false
  for (const { prefix, chains: ofPrefix } of byPrefix.values()) {
    if (prefix === undefined || (prefix.family === 'v6' && prefix.bits >= MAPPED_BITS && contains(ANY4, prefix.address))) continue
    const whole = prefix.bits === (prefix.family === 'v4' ? MAPPED_BITS : 0)
    if (whole && prefix.family === 'v4') covers4 = true
    if (whole && prefix.family === 'v6') covers6 = true
    leaves.push({
      prefix,
      target: whole && any !== undefined ? ambiguous(ofPrefix[0] as ParsedChain, any.chains[0] as ParsedChain) : decide(ofPrefix, listener),
    })
  }
  // a zero-length IPv6 prefix, or another above the mapped range, must not take IPv4
  const above4 = leaves.some(({ prefix }) => prefix !== undefined && prefix.bits < MAPPED_BITS && contains(prefix, ANY4.address))
  if (above4 && !covers4) leaves.push({ prefix: ANY4, target: anyTarget ?? FALLBACK })
  // the chains of a port have no way back to those without port
  if (!covers6 && (anyTarget !== undefined || port !== undefined)) leaves.push({ prefix: undefined, target: anyTarget ?? FALLBACK })
  return leaves
}

function ambiguous(chain: ParsedChain, other: ParsedChain): ChainTarget {
  return { kind: 'divert', code: 'KM1215', path: chain.match.path, why: `two filter chains for every address (the other is ${other.path})` }
}

/** What is left of the match once port and prefix fit. */
function decide(chains: readonly ParsedChain[], listener: Listener): ChainTarget {
  return sniffed(chains, listener) ?? decideUnseen(chains, listener)
}

/** What the listener filters tell of the first bytes: the transport protocol, and the application protocol of plain HTTP. */
const HTTP_PROTOCOLS: readonly HttpProtocol[] = ['http/1.1', 'http/1.0', 'h2c']

/**
 * Chains that differ by the first bytes, where HTTP in plain text has one chain of its own: whoever accepts its connections reads them anyway. What is not
 * HTTP (TLS, another protocol, silence) must have one meaning.
 */
function sniffed(chains: readonly ParsedChain[], { inspectors }: Listener): ChainTarget | undefined {
  if (inspectors.length === 0) return undefined
  const http = inspectors.includes('http')
  const target = fitting(chains, 'raw_buffer', http ? 'http/1.1' : '')
  if (target.kind !== 'chain' || target.chain.action.kind !== 'http') return undefined
  const takes = (protocol: HttpProtocol): boolean => !http || same(fitting(chains, 'raw_buffer', protocol), target)
  const others = [
    ...(http ? [...HTTP_PROTOCOLS.filter((protocol) => !takes(protocol)), ''] : []).map((protocol) =>
      fitting(chains, 'raw_buffer', protocol),
    ),
    ...(inspectors.includes('tls') ? [tlsTarget(chains)] : []),
  ]
  const [otherwise] = others
  if (otherwise === undefined || others.every((other) => same(other, target))) return target
  const agree = otherwise.kind !== 'divert' && otherwise.kind !== 'sniffed' && others.every((other) => same(other, otherwise))
  return agree ? { kind: 'sniffed', chain: target.chain, protocols: HTTP_PROTOCOLS.filter(takes), otherwise } : undefined
}

function tlsTarget(chains: readonly ParsedChain[]): ChainTarget {
  const named = chains.find(({ match }) => match.serverNames.length > 0)
  if (named !== undefined) return onBytes(named, chains)
  const tls = chains.filter(({ match }) => match.transportProtocol === 'tls')
  const protocols = tls.find(({ match }) => match.applicationProtocols.length > 0)
  return protocols === undefined ? fitting(chains, 'tls', '') : onBytes(protocols, chains)
}

/** The chain for a transport and an application protocol without server name, as Envoy falls from the named to the unnamed. */
function fitting(chains: readonly ParsedChain[], transport: string, protocol: string): ChainTarget {
  const named = chains.filter(({ match }) => match.serverNames.length === 0)
  const own = named.filter(({ match }) => match.transportProtocol === transport)
  const transported = own.length > 0 ? own : named.filter(({ match }) => match.transportProtocol === '')
  const asked = protocol === '' ? [] : transported.filter(({ match }) => match.applicationProtocols.includes(protocol))
  const left = asked.length > 0 ? asked : transported.filter(({ match }) => match.applicationProtocols.length === 0)
  return onlyOne(left)
}

function onlyOne(left: readonly ParsedChain[]): ChainTarget {
  const sourced = left.find(({ match }) => match.source.length > 0)
  if (sourced !== undefined)
    return { kind: 'divert', code: 'KM1205', path: sourced.match.path, why: `a filter chain match on ${sourced.match.source.join(', ')}` }
  const [chain] = left
  return chain === undefined ? FALLBACK : { kind: 'chain', chain }
}

function decideUnseen(chains: readonly ParsedChain[], { inspectors }: Listener): ChainTarget {
  const tls = inspectors.includes('tls')
  const bytes = tls
    ? chains.find(({ match }) => match.serverNames.length > 0 || match.transportProtocol !== '' || match.applicationProtocols.length > 0)
    : undefined
  if (bytes !== undefined) return onBytes(bytes, chains)
  const named = chains.filter(({ match }) => match.serverNames.length === 0)
  const raw = named.filter(({ match }) => match.transportProtocol === 'raw_buffer')
  const transported = raw.length > 0 ? raw : named.filter(({ match }) => match.transportProtocol === '')
  const sniffed = inspectors.includes('http') ? transported.find(({ match }) => match.applicationProtocols.length > 0) : undefined
  if (sniffed !== undefined) return onBytes(sniffed, transported)
  return onlyOne(transported.filter(({ match }) => match.applicationProtocols.length === 0))
}

/** HTTP is what people call a listener by, also where bytes choose between it and something else. */
function onBytes({ match }: ParsedChain, chains: readonly ParsedChain[]): ChainTarget {
  const fields = [
    ...(match.serverNames.length > 0 ? ['server_names'] : []),
    ...(match.transportProtocol !== '' ? ['transport_protocol'] : []),
    ...(match.applicationProtocols.length > 0 ? ['application_protocols'] : []),
  ]
  const http = chains.find(({ action }) => action.kind === 'http')
  if (http !== undefined)
    return { kind: 'divert', code: 'KM1701', path: http.action.path, why: `http_connection_manager, chosen by ${fields.join(', ')}` }
  return { kind: 'divert', code: 'KM1204', path: match.path, why: `a filter chain match on ${fields.join(', ')}` }
}

export function contains(prefix: { readonly address: Uint8Array; readonly bits: number }, address: Uint8Array): boolean {
  for (let bit = 0; bit < prefix.bits; bit += 8) {
    const mask = prefix.bits - bit >= 8 ? 0xff : (0xff << (8 - (prefix.bits - bit))) & 0xff
    if ((((prefix.address[bit >> 3] as number) ^ (address[bit >> 3] as number)) & mask) !== 0) return false
  }
  return true
}

/** Envoy refuses a listener with two chains that a connection could meet alike ("same" and "overlapping matching rules"), and one chain that says a thing twice (tried). */
export function reportOverlaps({ chains }: Listener, diag: Diagnostics): void {
  const first = new Map<string, ParsedChain>()
  for (const chain of chains) {
    const { destinationPort, prefixes, conditions } = chain.match
    const places = prefixes.length === 0 ? [''] : prefixes.map((prefix) => `${prefix.family} ${prefixText(prefix)}`)
    for (const place of places) {
      for (const condition of conditions) {
        const key = `${destinationPort ?? 0} ${place} ${condition}`
        const known = first.get(key)
        if (known === undefined) first.set(key, chain)
        else {
          const message =
            known === chain ? 'the filter chain match names one condition twice' : `the filter chain matches what ${known.path} matches`
          diag.report({
            code: 'KM1207',
            severity: 'error',
            path: chain.match.path,
            message,
            fix: 'remove one of the two, or tell them apart; Envoy refuses this listener',
          })
          return
        }
      }
    }
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
