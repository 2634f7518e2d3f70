/**
 * One probe: a dial and what the interpreter says of it. In: a Program and a line of probes.jsonl ({id, protocol, address, port, socket?, source?}). Out: a Decision, and
 * one line of text for the snapshot.
 */
import { evalBalance } from '../../compiler/balance/table.ts'
import { xxHash64Text } from '../../compiler/balance/hash.ts'
import { type Decision, decide } from '../../compiler/ir/eval.ts'
import type { Program } from '../../compiler/ir/program.ts'
import { isMapped } from '../../proto/address/mapped.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'

export interface Probe {
  readonly id: string
  readonly protocol: 'tcp' | 'udp'
  readonly address: string
  readonly port: number
  readonly socket?: 'v4' | 'v6'
  /** the client's address, to which it binds */
  readonly source?: string
  /** false: the client has `source` without binding to it */
  readonly bind?: false
  /** UDP: through a connected socket (default) or with sendto() */
  readonly datagram?: 'connect' | 'sendto'
  /** TCP: what the client sends before it listens */
  readonly say?: string
  /** how often to dial at most, for judges that dial */
  readonly count?: number
}

export function interpret(program: Program, probe: Probe): Decision {
  const address = ipOf(probe.address)
  const source = probe.source === undefined ? undefined : ipOf(probe.source)
  const { protocol, port } = probe
  return decide(
    program,
    { protocol, address, port, socket: socketOf(probe), ...(source !== undefined && { source }) },
    { shares: evalBalance, hash: xxHash64Text },
  )
}

/**
 * A client makes the socket that the text of the address asks for. One that is bound reaches the family it is bound to; a datagram without a connection stays in the
 * family it was sent in, because the kernel rewrites neither into the other (udpv6_sendmsg).
 */
function socketOf({ address, socket, source, bind, datagram }: Probe): 'v4' | 'v6' | 'v6only' {
  if (datagram === 'sendto') return isMapped(ipOf(address)) ? 'v4' : 'v6only'
  if (source !== undefined && bind !== false) return source.includes(':') ? 'v6only' : 'v4'
  return socket ?? (address.includes(':') ? 'v6' : 'v4')
}

function ipOf(text: string): Uint8Array {
  const address = parseIp(text)
  if (address === undefined) throw new Error(`a probe's address is not an IP address: ${text}`)
  return address
}

export function probeText(program: Program, probe: Probe): string {
  const from = probe.source === undefined ? '' : ` from ${probe.source}`
  return `${probe.id}: ${probe.protocol} ${probe.address} ${probe.port}${from} -> ${decisionText(interpret(program, probe))}`
}

function decisionText(decision: Decision): string {
  if (decision.outcome === 'passed') return 'passed'
  if (decision.outcome === 'refused') return `refused ${decision.reason}`
  const percent = (share: number): string => `${Math.round(share * 1e6) / 1e4}%`
  const parts = [
    ...[...decision.shares].map(([endpoint, share]) => `${endpoint} ${percent(share)}`),
    ...[...decision.refused].map(([reason, share]) => `refused ${reason} ${percent(share)}`),
    ...(decision.passed > 0 ? [`passed ${percent(decision.passed)}`] : []),
  ]
  return `${parts.join(', ')}${decision.cycle === undefined ? '' : `, even over ${decision.cycle}`}`
}
