/** A probe as a job for the kit's dialer. In: a probe, how often, how many seconds an answer may take. Out: the job, and the addresses that it needs. */
import type { Probe } from '../golden/probe.ts'
import { arrival } from '../judging/outcome.ts'
import type { Place } from '../judging/places.ts'
import type { Dial } from '../kit/dialer.ts'

export function toDial(probe: Probe, count: number, timeout: { readonly tcp: number; readonly udp: number }): Dial {
  const { protocol, address, port, socket, datagram, source, bind, say } = probe
  return {
    protocol,
    address,
    port,
    count,
    // live connections count for LEAST_REQUEST: the next dial comes after the end of this one
    close: 'wait',
    timeout: timeout[protocol],
    ...(socket === undefined ? {} : { socket }),
    ...(datagram === undefined ? {} : { datagram }),
    ...(say === undefined ? {} : { say }),
    ...(source === undefined || bind === false ? {} : { source }),
  }
}

/** What has to be local in a closed namespace: where somebody listens, what is dialled, and from where. Loopback addresses are there anyway. */
export function localAddresses(listen: readonly Place[], probes: readonly Probe[]): readonly string[] {
  const addresses = [...[...listen, ...probes.map(arrival)].map(({ address }) => address), ...probes.flatMap(({ source }) => source ?? [])]
  return addresses.filter((address) => !address.startsWith('127.'))
}
