/** The list of rules. One rule or family of rules a file; the order does not matter. */
import type { Inspection } from '../re2/inspect-regex.ts'
import { accessLogFormats, rewriteFormats, substitutionFormats } from './formats.ts'
import { runtimeLayers } from './bootstrap.ts'
import { configSources } from './config-sources.ts'
import { balancing, policyLists, policySettings } from './balancing.ts'
import { certificates, clientCertificates, serverCertificates } from './certificates.ts'
import { additionalAddresses, boundAddresses, cidrRanges } from './cidr-ranges.ts'
import { codecs, connectionManager, forwardedFor } from './connection-manager.ts'
import { directResponseBody } from './direct-response.ts'
import { discoveredFilters, discoveredTypes, discoveredVirtualHosts, scopedRoutes } from './discovery.ts'
import { domains } from './domains.ts'
import { matcherActions, matcherInputs } from './generic-matchers.ts'
import { placedMatchers } from './matcher-inputs.ts'
import { addedHeaders, removedHeaders } from './header-mutations.ts'
import { extensionPoints, listenerFilters, wrappedSockets } from './extension-points.ts'
import { admissionControl, delegatedFilters, headerToMetadata } from './filter-settings.ts'
import { httpFilters } from './http-filters.ts'
import { hiddenRoutes, oddMatches } from './odd-matches.ts'
import { namedClusters } from './named-clusters.ts'
import { localRateLimit, perFilterConfig } from './per-filter.ts'
import { regexCase, regexes } from './regexes.ts'
import { internalRedirects, mirrors, retries, rewrites, upgrades } from './route-action.ts'
import { routeClusters } from './route-clusters.ts'
import { peerCertificates, spiffe } from './peer-certificates.ts'
import type { Rule } from './rule.ts'
import { emptySecrets, staticSecrets } from './static-secrets.ts'
import { applicationProtocols, tlsParameters } from './tls-parameters.ts'
import { uriTemplates } from './uri-template.ts'
import { clusterPlugins, virtualHost } from './virtual-host.ts'
import { weightedClusters } from './weighted-clusters.ts'

/** What rules need that this folder does not have. */
export interface Tools {
  readonly inspectRegex: (pattern: string) => Inspection
  /** a URI template as a regex */
  readonly readTemplate: (
    template: string,
  ) => { readonly regex: string; readonly variables: readonly string[] } | { readonly error: string }
}

export const createRules = (tools: Tools): readonly Rule[] => [
  domains,
  virtualHost,
  clusterPlugins,
  routeClusters,
  directResponseBody,
  addedHeaders,
  removedHeaders,
  substitutionFormats,
  accessLogFormats,
  rewriteFormats,
  weightedClusters,
  rewrites,
  mirrors,
  upgrades,
  retries,
  internalRedirects,
  uriTemplates(tools),
  regexes(tools.inspectRegex),
  regexCase,
  oddMatches,
  hiddenRoutes,
  perFilterConfig,
  localRateLimit,
  headerToMetadata,
  admissionControl,
  delegatedFilters,
  connectionManager,
  forwardedFor,
  codecs,
  runtimeLayers,
  httpFilters,
  extensionPoints,
  discoveredTypes,
  matcherInputs,
  placedMatchers,
  matcherActions,
  listenerFilters,
  wrappedSockets,
  balancing,
  policyLists,
  policySettings,
  cidrRanges,
  boundAddresses,
  additionalAddresses,
  namedClusters,
  serverCertificates,
  clientCertificates,
  certificates,
  peerCertificates,
  spiffe,
  staticSecrets,
  emptySecrets,
  tlsParameters,
  applicationProtocols,
  configSources,
  discoveredFilters,
  scopedRoutes,
  discoveredVirtualHosts,
]
