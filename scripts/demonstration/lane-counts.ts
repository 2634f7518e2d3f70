/**
 * Which lane requests took. In: an instance. Out: its counters of requests by route, as `kmesh-runtime status` shows them, and what was added between two readings.
 */
import { status, type StatusReport } from '../../runtime/status.ts'

export interface LaneCount {
  /** of the route, or its xDS path; empty: user space got the requests before a route was found */
  readonly route: string
  readonly virtualHost: string
  readonly kernel: number
  /** those of `kernel` that no endpoint answered */
  readonly local: number
  readonly userSpace: number
  /** why user space, most frequent first */
  readonly reasons: readonly string[]
}

/** Counters of all routes now; to be given to `since`. */
export function readLanes(instance: string): StatusReport['http'] {
  return status(instance).http
}

/** Routes that have had requests since then. */
export function since(before: StatusReport['http'], after: StatusReport['http']): readonly LaneCount[] {
  const rows = after.services.flatMap(({ routes }, service) =>
    routes.map((now, index): LaneCount => {
      const then = before.services[service]?.routes[index]
      const slow = added(then?.slow ?? {}, now.slow)
      const userSpace = sum(slow)
      return {
        route: now.name,
        virtualHost: now.virtualHost,
        kernel: now.requests - (then?.requests ?? 0),
        local: now.localReplies - (then?.localReplies ?? 0),
        userSpace,
        reasons: slow.map(([reason]) => reason),
      }
    }),
  )
  const early = added(before.slow, after.slow)
  const lost: LaneCount = {
    route: '',
    virtualHost: '',
    kernel: 0,
    local: 0,
    userSpace: sum(early),
    reasons: early.map(([reason]) => reason),
  }
  return [...rows, lost].filter(({ kernel, userSpace }) => kernel > 0 || userSpace > 0)
}

/** "kernel", "kernel, without an endpoint", "user space (why)", or how many of each. */
export function laneText(counts: readonly LaneCount[]): string {
  const kernel = counts.reduce((total, one) => total + one.kernel, 0)
  const local = counts.reduce((total, one) => total + one.local, 0)
  const userSpace = counts.reduce((total, one) => total + one.userSpace, 0)
  const inKernel = local === 0 ? 'kernel' : local === kernel ? 'kernel, on its own' : `kernel (${local} on its own)`
  const reasons = [...new Set(counts.flatMap((one) => one.reasons))].join(', ')
  if (userSpace === 0) return kernel === 0 ? '-' : inKernel
  if (kernel === 0) return `user space (${reasons})`
  return `${kernel} ${inKernel}, ${userSpace} user space (${reasons})`
}

type Reasons = Readonly<Record<string, number>>

function added(before: Reasons, after: Reasons): readonly (readonly [reason: string, count: number])[] {
  return Object.entries(after)
    .map(([reason, count]) => [reason, count - (before[reason] ?? 0)] as const)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
}

function sum(reasons: readonly (readonly [reason: string, count: number])[]): number {
  return reasons.reduce((total, [, count]) => total + count, 0)
}
