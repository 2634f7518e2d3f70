/**
 * The compiler as a judge of routing, in this process: what `kmeshc check` and `kmeshc trace` say. In: a case. Out: whether it is refused, with the codes; a judge
 * of requests. The snapshot is the one that Envoy gets.
 */
import { judge, understand } from '../../compiler/compile.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import type { Decision } from '../../compiler/http/model.ts'
import { readInput } from '../../compiler/input/read.ts'
import type { Input } from '../../compiler/input/read.ts'
import type { Source } from '../../compiler/input/text.ts'
import { createTracer } from '../../compiler/trace/tracer.ts'
import { clusterResource, listenerResource } from './case-resources.ts'
import { CLIENT_ADDRESS, CLUSTERS, LISTENER_PORT, type RoutingCase, type RoutingRequest } from './routing-case.ts'

const TYPE = 'type.googleapis.com/envoy.config'
/** The addresses of the snapshot; a request comes from the one and goes to the other. */
const PLACE = { host: '127.64.0.1', port: LISTENER_PORT }

/** Errors that `check` finds before it lowers anything, e.g. "KM2024 lds[...]: ..."; none: it is taken. */
export function errorsOf(one: RoutingCase): readonly string[] {
  const diag = createDiagnostics()
  const input = readInput(sourcesOf(one), diag)
  understand(input, { resolve: new Map(), addresses: [], plaintextTo: new Set(), strict: false }, diag, () => {})
  judge(input, diag, () => {})
  return diag.list.filter(({ severity }) => severity === 'error').map(({ code, message }) => `${code} ${message}`)
}

/** Decides requests as `trace --batch` does for whoever dials the listener. Throws when nothing takes it: a case always has its listener. */
export function createJudge(one: RoutingCase): (request: RoutingRequest) => Decision {
  const input: Input = readInput(sourcesOf(one), createDiagnostics())
  const tracer = createTracer(input.resources, () => {
    throw new Error('a connection manager needs no layer 4')
  })
  return (request) => {
    const trace = tracer.atListener({ ...request, source: `${CLIENT_ADDRESS}:40000`, destination: `${PLACE.host}:${PLACE.port}` })
    if (!('decision' in trace)) throw new Error(`nothing takes the request: ${trace.why}`)
    return trace.decision
  }
}

/** the case, and who Envoy is told to be */
function sourcesOf(one: RoutingCase): readonly Source[] {
  const resources = [
    { '@type': `${TYPE}.listener.v3.Listener`, ...listenerResource(one, PLACE) },
    ...CLUSTERS.map((name) => ({ '@type': `${TYPE}.cluster.v3.Cluster`, ...clusterResource(name, 9) })),
  ]
  return [
    { name: 'case.json', bytes: Buffer.from(JSON.stringify(resources)) },
    { name: 'bootstrap.json', bytes: Buffer.from(JSON.stringify({ node: { id: 'oracle', cluster: 'oracle' } })) },
  ]
}
