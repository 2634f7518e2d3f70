/**
 * Where a resource comes from. Envoy refuses a source that names nothing, one of gRPC without exactly one service, one of REST without exactly one cluster and a
 * delay, and one that asks a cluster which is not static (Config::Utility::checkApiConfigSourceNames; tried).
 */
import type { Cursor } from '../input/cursor.ts'
import { quote } from './quote.ts'
import type { Context, Rule } from './rule.ts'

/** Whether the cluster of a source has to be there; that of secrets is looked for when it is first asked (tried). Sources of filters are not looked at. */
const HOLDERS: Readonly<Record<string, readonly [field: string, cluster: 'static' | 'any']>> = {
  'envoy.config.cluster.v3.Cluster.EdsClusterConfig': ['eds_config', 'static'],
  'envoy.extensions.filters.network.http_connection_manager.v3.Rds': ['config_source', 'static'],
  'envoy.config.route.v3.Vhds': ['config_source', 'any'],
  'envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig': ['sds_config', 'any'],
}

export const configSources: Rule = {
  types: [...Object.keys(HOLDERS), 'envoy.config.bootstrap.v3.Bootstrap.DynamicResources'],
  check(at, context) {
    const holder = HOLDERS[at.type]
    if (holder === undefined) checkDynamic(at, context)
    else if (at.has(holder[0])) checkSource(at.message(holder[0]), holder[1], context)
  },
}

function checkDynamic(at: Cursor, context: Context): void {
  if (at.has('cds_config')) checkSource(at.message('cds_config'), 'static', context)
  if (at.has('ads_config')) checkApi(at.message('ads_config'), 'aggregated', 'static', context)
}

function checkSource(source: Cursor | undefined, cluster: 'static' | 'any', context: Context): void {
  if (source?.has('self') === true) context.refuseUnlessLoaded('KM2120', source.at('self'), '"self" is no source here')
  if (source?.has('api_config_source') === true) checkApi(source.message('api_config_source'), 'alone', cluster, context)
}

function checkApi(at: Cursor | undefined, use: 'aggregated' | 'alone', cluster: 'static' | 'any', context: Context): void {
  const mistake = at === undefined ? undefined : mistakeOf(at, use)
  if (at === undefined) return
  if (mistake !== undefined) context.refuseUnlessLoaded('KM2120', at.path, mistake)
  else if (cluster === 'static') checkClusters(at, context)
}

function mistakeOf(at: Cursor, use: 'aggregated' | 'alone'): string | undefined {
  const type = at.enum('api_type') ?? 'DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE'
  if (use === 'alone' && type.startsWith('AGGREGATED_')) return `${type} is for ads_config only`
  const names = at.strings('cluster_names').length
  const services = at.messages('grpc_services').length
  if (type === 'DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE') return 'the source has no api_type'
  if (names === 0 && services === 0) return 'the source names neither a gRPC service nor a cluster'
  if (type !== 'REST') {
    if (names > 0) return 'a source of gRPC has no cluster_names'
    return services > 1 ? 'a source of gRPC has one service' : undefined
  }
  if (services > 0) return 'a source of REST has no gRPC service'
  if (names > 1) return 'a source of REST has one cluster'
  return at.has('refresh_delay') ? undefined : 'a source of REST needs a refresh_delay'
}

function checkClusters(at: Cursor, context: Context): void {
  const { staticClusters } = context.facts
  if (staticClusters === undefined) return
  const services = at.messages('grpc_services').map((service) => service.message('envoy_grpc')?.string('cluster_name'))
  for (const name of [...at.strings('cluster_names'), ...services]) {
    const type = name === undefined ? undefined : staticClusters.get(name)
    if (name !== undefined && (type === undefined || type === 'EDS'))
      context.refuseUnlessLoaded(
        'KM2121',
        at.path,
        `the source is at ${quote(name)}, which is ${type === undefined ? 'no static cluster' : 'of type EDS'}`,
      )
  }
}
