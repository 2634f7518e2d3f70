/** What a listener answers to, for people. In: a ListenerKey. Out: "10.0.0.1:80", "0.0.0.0:80", "[::]:80", or "*" and "[*]" for the catch-all of IPv4 and IPv6. */
import { addressPortText } from '../../proto/address/address-text.ts'
import type { ListenerKey } from './program.ts'

export function keyText(key: ListenerKey): string {
  switch (key.kind) {
    case 'exact':
      return addressPortText(key.address, key.port)
    case 'any4':
      return `0.0.0.0:${key.port}`
    case 'any6':
      return `[::]:${key.port}`
    case 'catch_all':
      return key.family === 'v4' ? '*' : '[*]'
  }
}
