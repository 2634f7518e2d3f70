/**
 * A Program as text, for `--emit ir` and golden tests. In: a Program. Out: one line a fact; stable: equal programs print equally. Defaults are left out.
 */
import { keyText } from './key-text.ts'
import { addressPortText, prefixText } from '../../proto/address/address-text.ts'
import type { Action, Balance, Cluster, Endpoint, HashPolicy, Listener, Locality, Policy, Program } from './program.ts'

export function printProgram(program: Program): string {
  return [...program.listeners.flatMap((listener) => listenerLines(listener, program)), ...program.clusters.flatMap(clusterLines)].join(
    '\n',
  )
}

const quote = (text: string): string => JSON.stringify(text)

function listenerLines({ name, protocol, keys, chains, fallback }: Listener, program: Program): readonly string[] {
  return [
    `listener ${quote(name)} ${protocol} ${keys.map(keyText).join(' ')}`,
    ...chains.map(({ destinationPort, prefixes, action }) => {
      const match = [
        ...(destinationPort === undefined ? [] : [`port ${destinationPort}`]),
        ...(prefixes.length === 0 ? [] : [`to ${prefixes.map(prefixText).join(' ')}`]),
      ]
      return `  ${match.length === 0 ? 'any' : match.join(' ')} -> ${actionText(action, program)}`
    }),
    // a chain for everything leaves nothing to the fallback
    ...(chains.some(({ destinationPort, prefixes }) => destinationPort === undefined && prefixes.length === 0)
      ? []
      : [`  else -> ${actionText(fallback, program)}`]),
  ]
}

function actionText(action: Action, { clusters, services }: Program): string {
  switch (action.kind) {
    case 'cluster':
      return `cluster ${quote(clusters[action.cluster]?.name ?? '')}${hashText(action.hash)}`
    case 'weighted':
      return `weighted ${action.clusters.map(({ cluster, weight }) => `${cluster === null ? '(unknown cluster)' : quote(clusters[cluster]?.name ?? '')} ${weight}`).join(', ')}${hashText(action.hash)}`
    case 'refuse':
      return `refuse ${action.reason}`
    case 'http':
      return `http ${quote(services[action.service]?.path ?? '')}`
    case 'divert':
      return `divert: ${action.why}`
  }
}

function hashText(hash: HashPolicy): string {
  return hash.kind === 'none' ? '' : hash.kind === 'key' ? ` hash key ${quote(hash.key)}` : ' hash source_ip'
}

function clusterLines({ name, target, maxConnections }: Cluster): readonly string[] {
  const head = `cluster ${quote(name)}`
  if (target.kind === 'original_dst') return [`${head} original_dst`]
  if (target.kind === 'refuse') return [`${head} refuse ${target.reason}: ${target.why}`]
  const { balance } = target
  return [
    `${head} ${policyText(balance.policy)}${maxConnections === 1024 ? '' : ` max_connections ${maxConnections}`}${settingsText(balance)}`,
    ...balance.priorities.flatMap(({ localities }, priority) =>
      localities.flatMap((locality) => localityLines(locality, priority, balance)),
    ),
  ]
}

function policyText(policy: Policy): string {
  switch (policy.name) {
    case 'ROUND_ROBIN':
      return policy.equalWeights ? 'ROUND_ROBIN of equal weights' : 'ROUND_ROBIN'
    case 'LEAST_REQUEST':
      return `LEAST_REQUEST of ${policy.fullScan ? 'all' : policy.choiceCount} bias ${policy.activeRequestBias}`
    case 'RING_HASH':
      return `RING_HASH ${policy.minimumRingSize}..${policy.maximumRingSize} ${policy.hashFunction}`
    case 'MAGLEV':
      return `MAGLEV ${policy.tableSize}`
    default:
      return policy.name
  }
}

function settingsText(balance: Balance): string {
  return [
    ...(balance.localityWeighted ? ['locality weighted'] : []),
    ...(balance.panicThreshold === 50 ? [] : [`panic below ${balance.panicThreshold}%`]),
    ...(balance.failTrafficOnPanic ? ['refuse in panic'] : []),
    ...(balance.overprovisioningFactor === 140 ? [] : [`overprovisioning ${balance.overprovisioningFactor}%`]),
    ...(balance.weightedPriorityHealth ? ['health by weight'] : []),
  ]
    .map((text) => `, ${text}`)
    .join('')
}

function localityLines({ region, zone, subZone, weight, endpoints }: Locality, priority: number, balance: Balance): readonly string[] {
  const place = [region, zone, subZone].join('/').replace(/\/+$/, '')
  const head = [
    `priority ${priority}`,
    ...(place === '' ? [] : [`locality ${quote(place)}`]),
    ...(balance.localityWeighted ? [`weight ${weight}`] : []),
  ].join(' ')
  const hashed = balance.policy.name === 'RING_HASH' || balance.policy.name === 'MAGLEV'
  return [`  ${head}`, ...endpoints.map((endpoint) => `    ${endpointText(endpoint, hashed)}`)]
}

function endpointText({ address, port, weight, health, hashKey }: Endpoint, hashed: boolean): string {
  const place = addressPortText(address, port)
  return [
    place,
    ...(weight === 1 ? [] : [`weight ${weight}`]),
    ...(health === 'healthy' ? [] : [health]),
    ...(hashed && hashKey !== place ? [`key ${quote(hashKey)}`] : []),
  ].join(' ')
}
