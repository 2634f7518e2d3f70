/** A probe as a job for the kit's dialer. In: a probe, how often, how many seconds an answer may take. Out: the job. */
import type { Probe } from '../golden/probe.ts'
import type { Dial } from '../kit/dialer.ts'

export function toDial(probe: Probe, count: number, timeout: { readonly tcp: number; readonly udp: number }): Dial {
  const { protocol, address, port, socket, datagram, source, bind } = probe
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
    ...(source === undefined || bind === false ? {} : { source }),
  }
}
