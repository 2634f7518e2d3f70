/**
 * Whether the processes of an instance stay as they are. In: process ids of holder and node process. Out: memory and descriptors, and after a run what has grown beyond measure.
 */
import { readdirSync, readFileSync } from 'node:fs'

export interface Sample {
  /** seconds since the soak began */
  readonly at: number
  readonly holder: Usage
  readonly node: Usage
}

export interface Usage {
  readonly pid: number
  /** resident, MiB; 0: it was not there */
  readonly memory: number
  readonly descriptors: number
}

/** MiB that the holder may grow by, and that a node process may have at all. */
const HOLDER_GROWTH = 24
const NODE_MOST = 450
/** Descriptors that the holder may have more when all clients have gone than while they ran: idle connections stay. */
const DESCRIPTOR_GROWTH = 200

export function usageOf(pid: number): Usage {
  try {
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
    return { pid, memory: Math.round(kilobytes / 102.4) / 10, descriptors: readdirSync(`/proc/${pid}/fd`).length }
  } catch {
    return { pid, memory: 0, descriptors: 0 }
  }
}

/** One line for each thing that has grown too far. The first third of a run is where it may still find its size. */
export function growth(samples: readonly Sample[]): readonly string[] {
  const found: string[] = []
  const settled = samples.slice(0, Math.max(1, Math.ceil(samples.length / 3)))
  const most = (some: readonly Sample[], of: (sample: Sample) => number): number => Math.max(0, ...some.map(of))
  const [before, after] = [most(settled, ({ holder }) => holder.memory), samples.at(-1)?.holder.memory ?? 0]
  if (after > before + HOLDER_GROWTH) found.push(`the holder grew from ${before} to ${after} MiB`)
  const node = most(samples, (sample) => sample.node.memory)
  if (node > NODE_MOST) found.push(`a node process had ${node} MiB`)
  const [few, many] = [most(settled, ({ holder }) => holder.descriptors), samples.at(-1)?.holder.descriptors ?? 0]
  if (many > few + DESCRIPTOR_GROWTH) found.push(`the holder has ${many} descriptors, it had ${few}`)
  return found
}
