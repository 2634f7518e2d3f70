/**
 * Extensions that ask for their cluster when they are made; Envoy refuses an unknown one. Those that speak gRPC ask when they first need it, and load (tried).
 */
import { quote } from './quote.ts'
import type { Rule } from './rule.ts'

const ZIPKIN = 'envoy.config.trace.v3.ZipkinConfig'
const FIELDS: Readonly<Record<string, string>> = {
  [ZIPKIN]: 'collector_cluster',
  'envoy.config.trace.v3.DatadogConfig': 'collector_cluster',
  'envoy.extensions.access_loggers.fluentd.v3.FluentdAccessLogConfig': 'cluster',
}

export const namedClusters: Rule = {
  types: Object.keys(FIELDS),
  check(at, context) {
    const field = FIELDS[at.type] as string
    const name = at.string(field) ?? ''
    const { clusters } = context.facts
    const bare = at.type === ZIPKIN && !at.fields().includes('collector_service')
    if (bare && (name === '' || (at.string('collector_endpoint') ?? '') === ''))
      context.refuseUnlessLoaded('KM1111', at.path, 'a Zipkin tracer needs collector_cluster and collector_endpoint', 'set both')
    else if (name !== '' && clusters !== undefined && !clusters.has(name))
      context.refuseUnlessLoaded('KM2122', at.at(field), `the snapshot has no cluster ${quote(name)}`)
  },
}
