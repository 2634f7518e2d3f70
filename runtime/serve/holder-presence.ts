/**
 * Is there anybody who accepts for the HTTP services of an instance? In: its name; out: what a holder says of itself, or why there is none to ask.
 * Nothing is changed by asking.
 */
import type { HolderCounter } from '../../proto/http/holder-protocol.ts'
import { type Finding, warning } from '../coded-error.ts'
import { closeDescriptor } from '../sys/libc.ts'
import { connectSeqpacket } from '../sys/seqpacket.ts'
import { isErrno } from '../sys/system-error.ts'
import { connectHolder } from './holder-link.ts'
import { holderSocket } from './holder-place.ts'

/** Does a holder listen? Its version is not asked for. */
export function holderListens(instance: string): boolean {
  try {
    closeDescriptor(connectSeqpacket(holderSocket(instance)))
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ECONNREFUSED', 'EACCES', 'EPERM')) return false
    throw error
  }
}

/** For whoever lists warnings: services that need a holder refuse connections without one. */
export function absenceWarnings(instance: string): readonly Finding[] {
  if (holderListens(instance)) return []
  return [absence(instance)]
}

function absence(instance: string): Finding {
  return warning('KM9304', `nobody accepts for the HTTP services of instance "${instance}": connections to them are refused`)
}

/** The same, for who has asked the holder. */
export function holderWarnings(instance: string, holder: HolderReport | null): readonly Finding[] {
  if (holder === null) return [absence(instance)]
  if (holder.node === 'serving') return []
  return [warning('KM9304', `the holder of instance "${instance}" is alone: connections that need user space wait`)]
}

export interface HolderReport {
  readonly pid: number
  /** 'absent': connections that need user space wait */
  readonly node: 'serving' | 'absent'
  readonly counters: Readonly<Record<HolderCounter, number>>
}

/** null: no holder listens. Throws KM9302 when it is another version's. */
export async function askHolder(instance: string): Promise<HolderReport | null> {
  const link = await connectHolder(instance, 'observe', {
    message: (_, descriptors) => descriptors.forEach(closeDescriptor),
    end: () => undefined,
  })
  if (link === null) return null
  try {
    const { message } = await link.ask('count')
    return { pid: link.pid, node: message.counters.serving > 0 ? 'serving' : 'absent', counters: message.counters }
  } finally {
    link.close()
  }
}
