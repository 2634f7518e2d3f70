/**
 * Filter chains as rows. In: one listener of the Program. Out: for each of its keys either the chain row that always applies, or a chain
 * set for the LPM table km_match plus the row that applies when nothing fits.
 *
 * Envoy's order (config.listener.v3.FilterChainMatch): destination port first, then the longest prefix. It does not fall from the chains of
 * a port back to those without one; so a port whose chains name only prefixes gets a terminator, the zero-length prefix, which leads
 * to the fallback.
 */
import type { Action, FilterChain, Listener, ListenerKey } from '../ir/program.ts'

export interface ChainWriter {
  /** row of km_chain for an action; equal actions share a row */
  row(action: Action): number
  /** a fresh chain set */
  set(): number
  /** one LPM entry; port 0: any destination port; bits 0..128 */
  entry(set: number, port: number, address: Uint8Array, bits: number, row: number): void
}

export type Target =
  | { readonly kind: 'static'; readonly row: number }
  | { readonly kind: 'dynamic'; readonly set: number; readonly fallback: number }

const ANY_ADDRESS = new Uint8Array(16)

/** Gives the resolver of one listener; the chain set is made once, when the first key needs it. */
export function chainTargets(listener: Listener, writer: ChainWriter): (key: ListenerKey) => Target {
  let dynamic: Target | undefined
  return (key) => {
    const settled = settle(listener, key)
    if (settled !== undefined) return { kind: 'static', row: writer.row(settled) }
    dynamic ??= writeSet(listener, writer)
    return dynamic
  }
}

/** The action when the key alone decides it; undefined when it depends on the dialled address or port. */
export function settle(listener: Listener, key: ListenerKey): Action | undefined {
  const { chains, fallback } = listener
  if (chains.every((chain) => chain.destinationPort === undefined && chain.prefixes.length === 0))
    return (chains[0] ?? { action: fallback }).action
  if (key.kind === 'catch_all') return undefined
  const ofPort = chains.filter((chain) => chain.destinationPort === key.port)
  const candidates = ofPort.length > 0 ? ofPort : chains.filter((chain) => chain.destinationPort === undefined)
  if (key.kind === 'exact') return longestPrefix(candidates, key.address)?.action ?? fallback
  if (candidates.every((chain) => chain.prefixes.length === 0)) return candidates[0]?.action ?? fallback
  return undefined
}

function longestPrefix(chains: readonly FilterChain[], address: Uint8Array): FilterChain | undefined {
  let best: { chain: FilterChain; bits: number } | undefined
  for (const chain of chains) {
    const ranges = chain.prefixes.length === 0 ? [{ address: ANY_ADDRESS, bits: 0 }] : chain.prefixes
    for (const range of ranges) {
      if (covers(range, address) && (best === undefined || range.bits > best.bits)) best = { chain, bits: range.bits }
    }
  }
  return best?.chain
}

export function covers(range: { readonly address: Uint8Array; readonly bits: number }, address: Uint8Array): boolean {
  for (let bit = 0; bit < range.bits; bit += 8) {
    const mask = range.bits - bit >= 8 ? 0xff : (0xff << (8 - (range.bits - bit))) & 0xff
    if ((((range.address[bit >> 3] as number) ^ (address[bit >> 3] as number)) & mask) !== 0) return false
  }
  return true
}

function writeSet(listener: Listener, writer: ChainWriter): Target {
  const set = writer.set()
  const fallback = writer.row(listener.fallback)
  const complete = new Set<number>()
  const ports = new Set<number>()
  for (const chain of listener.chains) {
    const port = chain.destinationPort ?? 0
    const row = writer.row(chain.action)
    ports.add(port)
    if (chain.prefixes.length === 0) {
      writer.entry(set, port, ANY_ADDRESS, 0, row)
      complete.add(port)
    }
    for (const range of chain.prefixes) writer.entry(set, port, range.address, range.bits, row)
  }
  for (const port of ports) {
    if (port !== 0 && !complete.has(port)) writer.entry(set, port, ANY_ADDRESS, 0, fallback)
  }
  return { kind: 'dynamic', set, fallback }
}
