/**
 * The kernel as a judge. In: artifacts, applied one after the other to an instance of its own; probes. Out: what real sockets met.
 * Everything runs in a closed namespace in which every endpoint and every dialled address really listens, as in `scripts/judge l4`.
 * Invariant: namespace, cgroup and instance are gone after `close`, or when this process ends.
 */
import { apply } from '../../runtime/apply.ts'
import type { ApplyHost } from '../../runtime/apply-request.ts'
import { detach } from '../../runtime/detach.ts'
import { machine } from '../../runtime/machine.ts'
import { chosenAt } from '../judging/counters.ts'
import { arrival, isAmbiguous, outcome } from '../judging/outcome.ts'
import { endpointsOf, type Place, placeText } from '../judging/places.ts'
import { type Listen, startBackends } from '../kit/backend.ts'
import { makeCgroup } from '../kit/cgroup.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { startDialer } from '../kit/dialer.ts'
import { makeNamespace } from '../kit/namespace.ts'
import type { Judge } from './judge-probe.ts'
import type { JudgedCase } from './judged-case.ts'
import { localAddresses, toDial } from './to-dial.ts'

export interface KernelJudge {
  /** Makes the case's artifact the one in force. */
  open(judged: JudgedCase): Promise<Judge>
  close(): void
}

let counter = 0

/** `cases`: all that will be opened; their places listen from the beginning. */
export async function startKernelJudge(cases: readonly JudgedCase[]): Promise<KernelJudge> {
  const listen = cases.flatMap(placesOf)
  const instance = `kmj-${process.pid}-${counter++}`
  const probes = cases.flatMap((one) => one.probes)
  const namespace = await makeNamespace({ addresses: localAddresses(listen, probes) })
  const cgroup = makeCgroup('kmj')
  const place = { namespace: namespace.path, cgroup: cgroup.path }
  const backends = await startBackends(listen, { namespace: namespace.path })
  const dialer = startDialer(place)
  let isApplied = false
  const leave = undoAtExit(() => {
    if (isApplied) detach(instance)
  })
  return {
    async open(judged) {
      isApplied = true
      await apply({ artifact: judged.artifact, instance, cgroup: cgroup.path, diverted: 'refuse', mode: 'apply', host: quickHost() })
      const endpoints = new Set(endpointsOf(judged.artifact.tables).map(placeText))
      return {
        name: 'kernel',
        slack: 0,
        async dial(probe, _, count) {
          const own = arrival(probe)
          const isUnclear = isAmbiguous(probe, endpoints)
          const before = isUnclear ? chosenAt(instance, own) : 0
          const tally = await dialer.dial(toDial(probe, count, { tcp: 5, udp: 1 }))
          const met = outcome(probe, tally, isUnclear ? chosenAt(instance, own) - before : 0)
          const { ECONNREFUSED: refused = 0, ...odd } = met.failed
          return { reached: met.reached, refused, passed: met.passed, odd }
        },
      }
    },
    close() {
      dialer.stop()
      leave()
      backends.stop()
      cgroup.remove()
      namespace.remove()
    },
  }
}

/** Every endpoint for every protocol that has listeners, and every dialled address for its own. */
function placesOf({ artifact, probes }: JudgedCase): readonly Listen[] {
  const chosen = endpointsOf(artifact.tables).flatMap((place: Place) =>
    artifact.config.protocols.map((protocol) => ({ ...place, protocol })),
  )
  return [...chosen, ...probes.map((probe) => ({ ...arrival(probe), protocol: probe.protocol }))]
}

/** Looking through all live sockets of the machine takes longer than the apply itself. */
function quickHost(): ApplyHost {
  return {
    ...machine({ foreign: 'refuse', existing: 'count' }),
    releaseSockets: () => ({ released: 0, warnings: [] }),
    escapedSockets: () => ({ escaped: 0, destroyed: 0, warnings: [] }),
  }
}
