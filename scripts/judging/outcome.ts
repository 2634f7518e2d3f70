/**
 * What a dial came to, from what its client saw. In: the tally of a dial whose dialled address really listens as well; out: reached, failed, passed.
 *
 * Every endpoint and every dialled address listens, so a refusal is ours, and an answer names the place where the connection arrived:
 * another place than the dialled one was chosen for it (`reached`); the dialled one, when it is no endpoint, was left alone (`passed`).
 * A dialled address that is an endpoint too can be either: then `chosen`, the connections that our counters gave to it, decide.
 */
import type { Tally } from '../kit/dialer.ts'
import { type Place, canonical, placeText } from './places.ts'

export interface Outcome {
  readonly reached: Readonly<Record<string, number>>
  readonly failed: Readonly<Record<string, number>>
  readonly passed: number
}

/** Where a connection to this address arrives when nobody touches it: the kernel takes 0.0.0.0 and :: for loopback, mapped ones for IPv4. */
export function arrival({ address, port }: Place): Place {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address
  if (mapped === '0.0.0.0') return { address: '127.0.0.1', port }
  if (!mapped.includes(':')) return { address: mapped, port }
  const short = canonical(`[${mapped}]`)
  const hidden = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(short)
  if (hidden !== null) return arrival({ address: dotted(hidden[1] ?? '0', hidden[2] ?? '0'), port })
  return { address: short === '::' ? '::1' : short, port }
}

/** Both judgements are possible for a dial to this place. */
export function isAmbiguous(dialled: Place, endpoints: ReadonlySet<string>): boolean {
  return endpoints.has(placeText(arrival(dialled)))
}

export function outcome(dialled: Place, tally: Pick<Tally, 'reached' | 'failed' | 'passed'>, chosen: number): Outcome {
  const own = placeText(arrival(dialled))
  const { [own]: arrived = 0, ...elsewhere } = tally.reached
  const given = Math.min(arrived, chosen)
  return {
    reached: given > 0 ? { ...elsewhere, [own]: given } : elsewhere,
    failed: Object.fromEntries(Object.entries(tally.failed).map(([name, count]) => [name === 'timeout' ? 'ETIMEDOUT' : name, count])),
    passed: tally.passed + arrived - given,
  }
}

function dotted(high: string, low: string): string {
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [first >> 8, first & 255, second >> 8, second & 255].join('.')
}
