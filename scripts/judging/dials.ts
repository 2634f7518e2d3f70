/**
 * The lines of a dials file. In: text, one JSON object a line; out: dials in their order, or what is wrong with which line.
 */
import { isIP, isIPv4 } from 'node:net'

export interface DialLine {
  readonly id: string | number
  readonly protocol: 'tcp' | 'udp'
  readonly address: string
  readonly port: number
  readonly count: number
  readonly socket: 'v4' | 'v6'
  /** UDP only: through a connected socket (default) or with sendto() */
  readonly datagram: 'connect' | 'sendto'
  /** bind to this address first */
  readonly source?: string
}

export type DialsRead =
  | { readonly kind: 'dials'; readonly dials: readonly DialLine[] }
  | { readonly kind: 'wrong'; readonly line: number; readonly why: string }

const MAX_COUNT = 10_000_000

export function readDials(text: string): DialsRead {
  const dials: DialLine[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const read = readLine(line)
    if (typeof read === 'string') return { kind: 'wrong', line: index + 1, why: read }
    dials.push(read)
  }
  return { kind: 'dials', dials }
}

function readLine(line: string): DialLine | string {
  let value: Readonly<Record<string, unknown>>
  try {
    value = JSON.parse(line) as typeof value
  } catch {
    return 'not JSON'
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return 'not an object'
  const { id, protocol = 'tcp', address, port, count = 1, datagram = 'connect', source } = value
  if (typeof id !== 'string' && typeof id !== 'number') return '"id" must be a string or a number'
  if (protocol !== 'tcp' && protocol !== 'udp') return '"protocol" must be "tcp" or "udp"'
  if (typeof address !== 'string' || isIP(address) === 0) return '"address" must be an IP address'
  if (!isWhole(port, 1, 65535)) return '"port" must be 1 to 65535'
  if (!isWhole(count, 0, MAX_COUNT)) return `"count" must be 0 to ${MAX_COUNT}`
  const socket = value.socket ?? (isIPv4(address) ? 'v4' : 'v6')
  if (socket !== 'v4' && socket !== 'v6') return '"socket" must be "v4" or "v6"'
  if (datagram !== 'connect' && datagram !== 'sendto') return '"datagram" must be "connect" or "sendto"'
  if (source !== undefined && (typeof source !== 'string' || isIP(source) === 0)) return '"source" must be an IP address'
  return { id, protocol, address, port, count, socket, datagram, ...(source === undefined ? {} : { source }) }
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
}
