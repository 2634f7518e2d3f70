/** `kmesh-runtime dump`: what the kernel holds, by name. JSON: proto/dump.schema.json. */
import { dump } from '../dump.ts'
import type { DumpedAction, DumpedCluster, DumpedListener, DumpReport } from '../dump-report.ts'
import { type Format, finish } from './output.ts'

/** Envoy's own largest max_connections, which Istio sets everywhere. */
const UNLIMITED = 0xffffffff

export function dumpCommand(args: { readonly instance: string; readonly format: Format }): Promise<number> {
  return finish(args.format, () => {
    const report = dump(args.instance)
    return { json: { ...report }, text: args.format === 'json' ? '' : dumpText(report), findings: [] }
  })
}

function dumpText(report: DumpReport): string {
  return [
    `instance ${report.instance}, generation ${report.generation}, ${report.artifact}`,
    ...report.listeners.flatMap(listenerLines),
    ...report.clusters.flatMap(clusterLines),
    '',
  ].join('\n')
}

function listenerLines({ address, protocol, listener, action, matches }: DumpedListener): string[] {
  return [
    `listener ${protocol} ${address}  "${listener}"`,
    ...matches.map(
      ({ port, prefix, action: matched }) => `  ${prefix}${port === undefined ? '' : ` port ${port}`} -> ${actionText(matched)}`,
    ),
    `  ${matches.length > 0 ? 'else ' : ''}-> ${actionText(action)}`,
  ]
}

function actionText(action: DumpedAction): string {
  switch (action.kind) {
    case 'cluster':
      return `cluster "${action.cluster}"${hashText(action.hash)}`
    case 'weighted':
      return `${action.clusters.map(({ cluster, weight }) => `${weight} "${cluster}"`).join(' : ')}${hashText(action.hash)}`
    case 'requests':
      return 'routed request by request'
    case 'pass':
      return 'left alone'
    case 'refuse':
      return `refused (${action.reason})`
    case 'divert':
      return `diverted (${action.reason})`
  }
}

const hashText = (hash: string | undefined): string => (hash === undefined ? '' : `, hash ${hash}`)

function clusterLines({ name, policy, maxConnections, refused, tiers }: DumpedCluster): string[] {
  const head = `cluster "${name}"  ${refused === undefined ? policy : `refused (${refused})`}, ${maxConnections === UNLIMITED ? 'any number of' : `at most ${maxConnections}`} connections`
  return [
    head,
    ...tiers.flatMap(({ percent, tableEntries, groups }) => [
      `  tier ${percent} %${tableEntries === undefined ? '' : `, hash table of ${tableEntries} entries`}`,
      ...groups.flatMap(({ weight, endpoints }) => [
        ...(groups.length > 1 ? [`    locality of weight ${weight}`] : []),
        ...endpoints.map((endpoint) => `    ${endpoint.address}  weight ${endpoint.weight}`),
      ]),
    ]),
  ]
}
