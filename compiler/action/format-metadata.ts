/**
 * %METADATA(TYPE:NAMESPACE:KEY...)% and the older names of some of its kinds. In: the command's argument and what is known. Out: the value, with its type; as text.
 * Invariant: an object's keys are in order, as Envoy's maps are written; null is no value.
 * Source: Envoy's source/extensions/formatter/metadata/metadata.cc, source/common/formatter/stream_info_formatter.cc (MetadataFormatter); tried on Envoy 1.40.
 */
import type { Metadata } from '../http/model.ts'
import type { FormatContext } from './format.ts'

export type MetadataKind = 'CLUSTER' | 'UPSTREAM_HOST' | 'DYNAMIC' | 'ROUTE' | 'VIRTUAL_HOST' | 'LISTENER' | 'LISTENER_FILTER_CHAIN'

/** `argument`: "ROUTE:namespace:key" */
export function kindAndSteps(argument: string): readonly [MetadataKind | '', string] {
  const colon = argument.indexOf(':')
  return colon < 0 ? ['', ''] : [argument.slice(0, colon) as MetadataKind, argument.slice(colon + 1)]
}

/** `steps`: "namespace:key:..."; undefined: there is no such value */
export function metadataValue(kind: MetadataKind | '', steps: string, context: FormatContext): unknown {
  let value: unknown = metadataOf(kind, context)
  for (const step of steps.split(':')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value === null ? undefined : ordered(value)
}

/** dynamic metadata is empty: the filters that would set it are not part of routing; an endpoint is not known here */
function metadataOf(kind: MetadataKind | '', { owners, request, cluster }: FormatContext): Metadata {
  const { around } = request.front
  switch (kind) {
    case 'ROUTE':
      return owners?.route?.metadata
    case 'VIRTUAL_HOST':
      return owners?.virtualHost?.metadata
    case 'CLUSTER':
      return cluster === undefined ? undefined : around.clusterMetadata(cluster)
    case 'LISTENER':
      return around.metadata('listener')
    case 'LISTENER_FILTER_CHAIN':
      return around.metadata('chain')
    default:
      return undefined
  }
}

export function metadataText(value: unknown): string | undefined {
  return value === undefined || typeof value === 'string' ? value : JSON.stringify(value)
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, ordered(one)]),
  )
}
