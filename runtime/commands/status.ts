/** `kmesh-runtime status`: what an instance does. JSON: proto/status.schema.json. */
import { askHolder, type HolderReport, holderWarnings } from '../serve/holder-presence.ts'
import { type StatusReport, status } from '../status.ts'
import { type Format, finish } from './output.ts'
import { bytesText, countText, failuresText, tableText } from './quantity.ts'

export function statusCommand(args: { readonly instance: string; readonly format: Format }): Promise<number> {
  return finish(args.format, async () => {
    const { warnings, ...report } = status(args.instance)
    const holder = await askHolder(args.instance)
    const findings = report.http.services.length === 0 ? warnings : [...warnings, ...holderWarnings(args.instance, holder)]
    const text = args.format === 'json' ? '' : `${statusText({ ...report, warnings })}${httpText(report.http, holder)}`
    return { json: { ...report, http: { ...report.http, holder } }, text, findings }
  })
}

function httpText(http: StatusReport['http'], holder: HolderReport | null): string {
  if (http.services.length === 0) return ''
  const rows = http.services.flatMap(({ listener, routes }) =>
    routes.map(({ virtualHost, name, lane, requests, localReplies, slow }) => [
      listener,
      virtualHost,
      name,
      lane === 'slow' ? 'user space' : lane,
      requests,
      localReplies,
      failuresText(slow),
    ]),
  )
  const hidden = rows.length - SHOWN_ROUTES
  const shown = hidden > 0 ? [...rows].sort((a, b) => Number(b[4]) - Number(a[4])).slice(0, SHOWN_ROUTES) : rows
  const lines = [
    '',
    tableText(['LISTENER', 'VIRTUAL HOST', 'ROUTE', 'LANE', 'REQUESTS', 'LOCAL REPLIES', 'TO USER SPACE'], shown),
    ...(hidden > 0 ? [`... ${hidden} more routes; --json has all`] : []),
    ...(failuresText(http.slow) === '' ? [] : ['', `to user space before a route was found: ${failuresText(http.slow)}`]),
    '',
    holder === null
      ? 'nobody accepts: connections to these services are refused'
      : `holder ${holder.pid}: ${holder.counters.connections} connections, ${holder.counters.handed} of them in user space, ${holder.counters.idle} idle upstreams`,
    http.observed.length === 0
      ? 'no cgroup of servers on this node is observed: their answers take the way of those elsewhere (serve --observe)'
      : `servers on this node are observed in ${countText(http.observed.length, 'cgroup')}`,
  ]
  return `${lines.join('\n')}\n`
}

const SHOWN_ROUTES = 50

/** Clusters with more endpoints than this show the busiest; --json has all. */
const SHOWN_ENDPOINTS = 20
const SHOWN_CLUSTERS = 100

function statusText(report: StatusReport): string {
  const { cgroup, links, memory } = report
  const broken = links.filter(({ state }) => state !== 'attached').map(({ hook, state }) => `${hook} ${state}`)
  const lines = [
    `instance ${report.instance}, generation ${report.generation} since ${report.appliedAt}`,
    `  artifact  ${report.artifact}`,
    `  cgroup    ${cgroup.path} (id ${cgroup.id}${cgroup.state === 'governed' ? '' : `, ${cgroup.state}`})`,
    `  links     ${links.length - broken.length} attached${broken.length === 0 ? '' : `; ${broken.join(', ')}`}`,
    `  memory    ${bytesText(memory.tables)} tables, ${bytesText(memory.state)} state, ${bytesText(memory.constant)} constant`,
  ]
  for (const other of report.others) lines.push(`  ${other.state.padEnd(9)} generation ${other.generation}, ${other.artifact}`)
  const diverted = report.listeners.flatMap(({ name, diverted }) => diverted.map(({ why, path }) => `  ${name}: ${why}  at ${path}`))
  if (diverted.length > 0) lines.push('', `diverted (${report.diverted === 'pass' ? 'left untouched' : 'refused'}):`, ...diverted)
  if (failuresText(report.failures) !== '') lines.push('', `failures without owner: ${failuresText(report.failures)}`)
  lines.push(
    '',
    tableText(
      ['LISTENER', 'ADDRESSES', 'CONNECTIONS', 'FAILURES'],
      report.listeners.map(({ name, protocol, addresses, connections, failures }) => [
        name,
        `${addresses.join(' ')}/${protocol}`,
        connections,
        failuresText(failures),
      ]),
    ),
  )
  const rows = report.clusters.slice(0, SHOWN_CLUSTERS).flatMap((cluster) => clusterRows(cluster))
  lines.push('', tableText(['CLUSTER', 'POLICY', 'CONNECTIONS', 'ACTIVE', 'FAILURES'], rows))
  if (report.clusters.length > SHOWN_CLUSTERS) lines.push(`... ${report.clusters.length - SHOWN_CLUSTERS} more clusters; --json has all`)
  return `${lines.join('\n')}\n`
}

function clusterRows(cluster: StatusReport['clusters'][number]): (string | number)[][] {
  const busiest = [...cluster.endpoints].sort((a, b) => b.connections - a.connections).slice(0, SHOWN_ENDPOINTS)
  const shown = cluster.endpoints.filter((endpoint) => busiest.includes(endpoint))
  const hidden = cluster.endpoints.length - shown.length
  return [
    [
      cluster.name,
      cluster.refused === undefined ? cluster.policy : `refused (${cluster.refused})`,
      cluster.connections,
      cluster.active,
      failuresText(cluster.failures),
    ],
    ...shown.map(({ address, connections, active, failures }) => [`  ${address}`, '', connections, active, failuresText(failures)]),
    ...(hidden > 0 ? [[`  ... ${hidden} more`, '', 0, 0, '']] : []),
  ]
}
