/**
 * Addresses of requests: "10.0.0.7", "10.0.0.7:80", "[::1]:80". In: text. Out: 16 bytes and a port; undefined where the text is none.
 * Invariant: IPv4 is ::ffff:a.b.c.d, as everywhere in the compiler.
 */
import { parseIp } from '../../proto/address/parse-ip.ts'

export interface SocketAddress {
  /** 16 bytes, IPv4-mapped or IPv6 */
  readonly address: Uint8Array
  readonly port: number | undefined
}

const PORT = /^\d{1,5}$/

export function parseSocketAddress(text: string): SocketAddress | undefined {
  const whole = parseIp(text)
  if (whole !== undefined) return { address: whole, port: undefined }
  const colon = text.lastIndexOf(':')
  const [host, port] = [text.slice(0, colon), text.slice(colon + 1)]
  if (colon < 0 || !PORT.test(port) || Number(port) > 0xffff) return undefined
  const address = parseIp(host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host.includes(':') ? '' : host)
  return address === undefined ? undefined : { address, port: Number(port) }
}

/** the port of an authority, else that of the scheme */
export function portOfAuthority(authority: string, scheme: string): number {
  const port = /:(\d{1,5})$/.exec(authority)?.[1]
  return port !== undefined ? Number(port) : scheme === 'https' ? 443 : 80
}
