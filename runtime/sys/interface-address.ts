/**
 * Addresses of the interfaces of one network namespace (RTM_GETADDR, rtnetlink(7)). In: a namespace; out: the addresses by which it can be known
 * outside: scope global, not loopback, usable. Each address once, however many interfaces have it.
 */
import { ANY6 } from '../../proto/address/mapped.ts'
import { AF_INET, AF_INET6 } from './libc.ts'
import { attributes, dumpWhole, NETLINK_ROUTE, openNetlink } from './netlink.ts'
import { type Entered, insideNamespace, netnsCookie, type NetworkNamespace } from './netns.ts'

export interface InterfaceAddress {
  readonly family: 'v4' | 'v6'
  /** 16 bytes, IPv4-mapped or IPv6 */
  readonly address: Uint8Array
}

export interface NamespaceAddresses {
  readonly cookie: bigint
  readonly addresses: readonly InterfaceAddress[]
}

const RTM_NEWADDR = 20
const RTM_GETADDR = 22
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_FLAGS = 8
/** struct ifaddrmsg */
const HEAD_BYTES = 8
const RT_SCOPE_UNIVERSE = 0
/** tentative, failed duplicate detection, deprecated: not chosen as a source */
const UNUSABLE = 0x40 | 0x08 | 0x20

/** Needs CAP_SYS_ADMIN for another namespace than the own. */
export function globalAddresses(namespace: NetworkNamespace): Entered<NamespaceAddresses> {
  const entered = insideNamespace(namespace, () => openNetlink(NETLINK_ROUTE))
  if (entered.kind !== 'entered') return entered
  const netlink = entered.value
  try {
    const cookie = netnsCookie(netlink.fd)
    const all = dumpWhole<InterfaceAddress>((rows) =>
      netlink.dump(RTM_GETADDR, Buffer.alloc(HEAD_BYTES), (type, body) => {
        const row = type === RTM_NEWADDR ? readAddress(body) : undefined
        if (row !== undefined) rows.push(row)
      }),
    )
    const unique = new Map(all.map((row) => [Buffer.from(row.address).toString('latin1'), row]))
    return { kind: 'entered', value: { cookie, addresses: [...unique.values()] } }
  } finally {
    netlink.close()
  }
}

/** One struct ifaddrmsg with its attributes; undefined when it is no global, usable address. */
export function readAddress(body: Buffer): InterfaceAddress | undefined {
  const family = body.readUInt8(0)
  let flags = body.readUInt8(2)
  let address: Buffer | undefined
  let local: Buffer | undefined
  attributes(body, HEAD_BYTES, (type, value) => {
    if (type === IFA_ADDRESS) address = value
    if (type === IFA_LOCAL) local = value
    if (type === IFA_FLAGS && value.length >= 4) flags = value.readUInt32LE()
  })
  // on a point-to-point link IFA_ADDRESS is the peer's, IFA_LOCAL ours
  const own = local ?? address
  if (own === undefined || body.readUInt8(3) !== RT_SCOPE_UNIVERSE || (flags & UNUSABLE) !== 0) return undefined
  if (family === AF_INET && own.length === 4 && own[0] !== LOOPBACK_NET) {
    const bytes = new Uint8Array(ANY6)
    bytes.fill(255, 10, 12)
    bytes.set(own, 12)
    return { family: 'v4', address: bytes }
  }
  if (family === AF_INET6 && own.length === 16) return { family: 'v6', address: Uint8Array.from(own) }
  return undefined
}

const LOOPBACK_NET = 127
