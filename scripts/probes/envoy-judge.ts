/**
 * A real Envoy as a judge. In: a snapshot with probes. Out: what connections through Envoy met, with its listeners on their own addresses, in a closed
 * namespace of its own where every endpoint of the snapshot really listens, and every dialled address that Envoy does not bind.
 *
 * Envoy gets the snapshot as it stands, over file xDS, each EDS cluster its assignment; host names resolve to what the compiler was told. A connection that it accepts
 * and closes at once is a refusal, a datagram without an answer too: the declared difference to the kernel, which refuses in connect().
 * Invariant: what Envoy did not take, and what was left out, is in `refused`; Envoy and the namespace are gone after `close`, or when this process ends.
 */
import { endpointsOf, type Place, placeText } from '../judging/places.ts'
import { arrival, outcome } from '../judging/outcome.ts'
import { type Listen, startBackends } from '../kit/backend.ts'
import { startDialer } from '../kit/dialer.ts'
import { makeNamespace } from '../kit/namespace.ts'
import { type JsonObject, startEnvoy } from '../oracle/envoy.ts'
import { endpointPlaces, envoyResources } from './envoy-resources.ts'
import type { Judge } from './judge-probe.ts'
import type { JudgedCase } from './judged-case.ts'
import { redirect } from './packet-filter.ts'
import { boundPlaces, frontResources, isAny, isOfFamily, wayOf } from './redirection.ts'
import { wholeShares } from './shares.ts'
import { localAddresses, toDial } from './to-dial.ts'

export interface EnvoyJudge extends Judge {
  /** what Envoy said about resources that it did not take */
  readonly refused: readonly string[]
  /** names from `without` that are in the snapshot */
  readonly leftOut: readonly string[]
  /** text of an admin page, to look closer */
  admin(path: string): Promise<string>
  close(): Promise<void>
}

/** Any group that nothing else runs as. */
const GROUP = 61_099
const TIMEOUT = { tcp: 5, udp: 0.4 }

export async function startEnvoyJudge(judged: JudgedCase, without: ReadonlySet<string>): Promise<EnvoyJudge> {
  const resources = envoyResources(judged.sources, without)
  const ways = judged.probes.map((probe) => ({ probe, way: wayOf(resources.listeners, probe) }))
  const redirects = ways.flatMap(({ probe, way }) => (way.kind === 'redirect' ? [{ from: arrival(probe), to: way.to }] : []))
  const { listeners, clusters } = withFront(
    resources,
    redirects.map(({ to }) => to.port),
  )
  const listen = placesFor(judged, listeners, endpointPlaces(resources))
  const namespace = await makeNamespace({ addresses: localAddresses(listen, judged.probes) })
  redirect(namespace.path, GROUP, redirects)
  const backends = await startBackends(listen, { namespace: namespace.path })
  const envoy = await startEnvoy({
    listeners,
    clusters,
    assignments: resources.assignments,
    place: { namespace: namespace.path, group: GROUP },
    ...(judged.options.resolve.size === 0 ? {} : { hosts: hostsOf(judged.options.resolve) }),
  }).catch((error: unknown) => {
    backends.stop()
    namespace.remove()
    throw error
  })
  const dialer = startDialer({ namespace: namespace.path })
  return {
    name: 'envoy',
    slack: 1,
    refused: envoy.refused,
    leftOut: resources.leftOut,
    admin: envoy.admin,
    async dial(probe, decision, count) {
      const tally = await dialer.dial(toDial(probe, count, TIMEOUT))
      const own = placeText(arrival(probe))
      const met = outcome(probe, tally, wholeShares(decision).places.has(own) ? count : 0)
      const { eof = 0, ECONNRESET: reset = 0, ETIMEDOUT: silent = 0, ...odd } = met.failed
      const timeouts = probe.protocol === 'tcp' && silent > 0 ? { timeout: silent } : {}
      return {
        reached: met.reached,
        refused: eof + reset + (probe.protocol === 'udp' ? silent : 0),
        passed: met.passed,
        odd: { ...odd, ...timeouts },
      }
    },
    async close() {
      dialer.stop()
      await envoy.stop()
      backends.stop()
      namespace.remove()
    },
  }
}

function withFront(
  { listeners, clusters }: { readonly listeners: readonly JsonObject[]; readonly clusters: readonly JsonObject[] },
  ports: readonly number[],
): { readonly listeners: readonly JsonObject[]; readonly clusters: readonly JsonObject[] } {
  const front = frontResources()
  const isNeeded = boundPlaces(front.listeners).some(({ port }) => ports.includes(port))
  return isNeeded ? { listeners: [...listeners, ...front.listeners], clusters: [...clusters, front.cluster] } : { listeners, clusters }
}

/** A wildcard that Envoy binds takes what arrives at the node's own addresses; foreign ones are somebody else's, on the same port. */
function placesFor(
  { artifact, probes, options }: JudgedCase,
  listeners: readonly JsonObject[],
  endpoints: readonly Place[],
): readonly Listen[] {
  const bound = boundPlaces(listeners)
  const isEnvoys = (one: Listen): boolean =>
    bound.some(
      (place) =>
        place.protocol === one.protocol &&
        place.port === one.port &&
        (place.address === one.address || (isAny(place) && isOfFamily(place, one) && options.addresses.includes(one.address))),
    )
  const chosen = [...endpointsOf(artifact.tables), ...endpoints].flatMap((place) =>
    artifact.config.protocols.map((protocol) => ({ ...place, protocol })),
  )
  const dialled = probes.map((probe) => ({ ...arrival(probe), protocol: probe.protocol }))
  return [...chosen, ...dialled].filter((place) => !isEnvoys(place)).map((place) => ({ ...place, share: true as const }))
}

/** Envoy's resolver takes the root dot of a name for a part of it when it reads a hosts file. */
function hostsOf(resolve: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return [...resolve].flatMap(([name, addresses]) => addresses.map((address) => `${address} ${name} ${name}.`))
}
