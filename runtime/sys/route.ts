/**
 * Where the kernel would send a packet (RTM_GETROUTE, rtnetlink(7)). In: a namespace and addresses; out: for each, whether it leaves the machine.
 * Nothing is sent.
 */
import { isMapped } from '../../proto/address/mapped.ts'
import { AF_INET, AF_INET6 } from './libc.ts'
import { type Netlink, NETLINK_ROUTE, openNetlink } from './netlink.ts'
import { type Entered, insideNamespace, type NetworkNamespace } from './netns.ts'
import { SystemError } from './system-error.ts'

/** 'local': an address of this machine; 'outward': it has a route; 'none': no route, or one that refuses. */
export type Route = 'local' | 'outward' | 'none'

const RTM_NEWROUTE = 24
const RTM_GETROUTE = 26
const RTA_DST = 1
/** struct rtmsg */
const HEAD_BYTES = 12
const TYPE_AT = 7
const RTN_UNICAST = 1
const RTN_LOCAL = 2

/** Addresses in the 16-byte form. */
export function routesTo(namespace: NetworkNamespace, addresses: readonly Uint8Array[]): Entered<readonly Route[]> {
  const entered = insideNamespace(namespace, () => openNetlink(NETLINK_ROUTE))
  if (entered.kind !== 'entered') return entered
  const netlink = entered.value
  try {
    return { kind: 'entered', value: addresses.map((address) => routeTo(netlink, address)) }
  } finally {
    netlink.close()
  }
}

function routeTo(netlink: Netlink, address: Uint8Array): Route {
  const v4 = isMapped(address)
  const destination = v4 ? address.subarray(12) : address
  const body = Buffer.alloc(HEAD_BYTES + 4 + destination.length)
  body.writeUInt8(v4 ? AF_INET : AF_INET6, 0)
  body.writeUInt8(destination.length * 8, 1)
  body.writeUInt16LE(4 + destination.length, HEAD_BYTES)
  body.writeUInt16LE(RTA_DST, HEAD_BYTES + 2)
  body.set(destination, HEAD_BYTES + 4)
  let route: Route = 'none'
  try {
    netlink.request(RTM_GETROUTE, body, (type, answer) => {
      if (type !== RTM_NEWROUTE) return
      const kind = answer.readUInt8(TYPE_AT)
      route = kind === RTN_LOCAL ? 'local' : kind === RTN_UNICAST ? 'outward' : 'none'
    })
  } catch (error) {
    // no route, or one of type unreachable, prohibit or blackhole: the errno says which
    if (!(error instanceof SystemError)) throw error
  }
  return route
}
