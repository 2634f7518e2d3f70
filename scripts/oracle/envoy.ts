/**
 * A real Envoy on loopback as a judge. In: listeners, clusters and endpoint assignments as plain JSON, in Envoy's own v3 form. Out: a running
 * Envoy that got them over file xDS (so that they are read as from a control plane), or what it refused. Tests only. To judge other addresses
 * than 127.0.0.0/8, give it a closed network namespace as its place.
 * Invariant: `stop` ends the process and removes its files; it never listens on other addresses than it was given.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Place, placed } from '../kit/process.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }
export type JsonObject = { readonly [key: string]: Json | undefined }

export interface EnvoyConfig {
  readonly listeners: readonly JsonObject[]
  readonly clusters: readonly JsonObject[]
  /** ClusterLoadAssignments for the EDS clusters */
  readonly assignments?: readonly JsonObject[]
  /** loopback port of the admin interface; must be free. Left out: a Unix socket beside its files, which reaches into any namespace */
  readonly adminPort?: number
  /** where it runs; beside its caller by default */
  readonly place?: Place
  /** lines of the hosts file that it sees in the place of the machine's, for clusters that resolve names */
  readonly hosts?: readonly string[]
  /** worker threads; 1 by default, because cursors and counts are per worker */
  readonly concurrency?: number
  /** seconds to come up, 10 by default */
  readonly within?: number
  /** further fields of the bootstrap, e.g. layered_runtime */
  readonly bootstrap?: JsonObject
  /** further arguments of its command line */
  readonly argv?: readonly string[]
}

export interface RunningEnvoy {
  /** what Envoy said about resources it did not take; empty: all were taken */
  readonly refused: readonly string[]
  /** the last 64 KiB of its warnings and errors */
  log(): string
  /** text of an admin page, e.g. "/clusters" */
  admin(path: string): Promise<string>
  /** value of one counter or gauge; 0 where it does not exist */
  stat(name: string): Promise<number>
  stop(): Promise<void>
}

/** The binary: $ENVOY, else the one of the checkout's own Python environment. Throws where there is none. */
export function findEnvoy(): string {
  const candidates = [process.env.ENVOY, join(import.meta.dirname, '../../.venv/bin/envoy')]
  for (const candidate of candidates) {
    if (candidate === undefined || candidate === '') continue
    try {
      accessSync(candidate, constants.X_OK)
      return candidate
    } catch {
      // the next one
    }
  }
  throw new Error('no envoy: run scripts/setup, or name one in $ENVOY')
}

/** Rejects when Envoy does not come up at all; refused resources are reported, not thrown. */
export async function startEnvoy(config: EnvoyConfig): Promise<RunningEnvoy> {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-oracle-'))
  writeXds(folder, config)
  const argv = [
    findEnvoy(),
    '-c',
    join(folder, 'bootstrap.json'),
    '--concurrency',
    String(config.concurrency ?? 1),
    '--log-level',
    'warning',
    '--disable-hot-restart',
    ...(config.argv ?? []),
  ]
  const [file, ...args] = placed(withHosts(argv, folder, config.hosts), config.place ?? {}) as [string, ...string[]]
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.on('data', (data: Buffer) => {
    log = (log + data.toString('utf8')).slice(-65536)
  })
  const stop = async (): Promise<void> => {
    await end(child)
    rmSync(folder, { recursive: true, force: true })
  }
  const admin = config.adminPort === undefined ? { socketPath: join(folder, ADMIN_SOCKET) } : { host: '127.0.0.1', port: config.adminPort }
  const page = (path: string): Promise<string> => fetchText(admin, path)
  try {
    await comeUp(child, page, config.within ?? 10)
  } catch (error) {
    await stop()
    throw new Error(`envoy did not come up: ${error instanceof Error ? error.message : String(error)}\n${log}`)
  }
  return {
    refused: log
      .split('\n')
      .filter((line) => REFUSED.test(line))
      .map((line) => line.slice(0, 1000)),
    log: () => log,
    admin: page,
    stat: async (name) => Number(/: (\d+)$/m.exec(await page(`/stats?filter=^${name.replaceAll('.', '\\.')}$`))?.[1] ?? 0),
    stop,
  }
}

const ADMIN_SOCKET = 'admin.sock'

function adminAddress(folder: string, port: number | undefined): JsonObject {
  return port === undefined
    ? { pipe: { path: join(folder, ADMIN_SOCKET) } }
    : { socket_address: { address: '127.0.0.1', port_value: port } }
}

/** argv in a mount namespace of its own, in which the hosts file is another one. */
function withHosts(argv: readonly string[], folder: string, hosts: readonly string[] | undefined): readonly string[] {
  if (hosts === undefined) return argv
  const file = join(folder, 'hosts')
  writeFileSync(file, `${hosts.join('\n')}\n`)
  return ['unshare', '--mount', 'sh', '-c', 'mount --bind "$1" /etc/hosts || exit 125; shift; exec "$@"', 'sh', file, ...argv]
}

/** Lines of Envoy's log about a resource or a whole file that it did not take. */
const REFUSED = /rejected|update failure|error adding\/updating|error initializing|update failed|unable to (load|parse)/i

function writeXds(folder: string, config: EnvoyConfig): void {
  const source = (kind: string): JsonObject => ({ resource_api_version: 'V3', path_config_source: { path: join(folder, `${kind}.json`) } })
  const put = (kind: string, type: string, resources: readonly JsonObject[]): void => {
    const typed = resources.map((resource) => ({ '@type': `type.googleapis.com/${type}`, ...resource }))
    writeFileSync(join(folder, `${kind}.json`), JSON.stringify({ version_info: '1', resources: typed }))
  }
  // a file subscription of EDS takes exactly one assignment
  const assignments = new Map((config.assignments ?? []).map((assignment) => [assignment.cluster_name, assignment]))
  const viaFile = (cluster: JsonObject, index: number): JsonObject => {
    if (cluster.type !== 'EDS') return cluster
    const eds = cluster.eds_cluster_config as JsonObject | undefined
    const assignment = assignments.get(eds?.service_name || cluster.name)
    put(`eds-${index}`, 'envoy.config.endpoint.v3.ClusterLoadAssignment', assignment === undefined ? [] : [assignment])
    // Envoy waits 15 s for an assignment that never comes
    const wait = assignment === undefined ? { initial_fetch_timeout: '0.5s' } : {}
    return { ...cluster, eds_cluster_config: { ...eds, eds_config: { ...source(`eds-${index}`), ...wait } } }
  }
  put('lds', 'envoy.config.listener.v3.Listener', config.listeners)
  put('cds', 'envoy.config.cluster.v3.Cluster', config.clusters.map(viaFile))
  const bootstrap = {
    node: { id: 'oracle', cluster: 'oracle' },
    admin: { address: adminAddress(folder, config.adminPort) },
    dynamic_resources: { lds_config: source('lds'), cds_config: source('cds') },
    ...config.bootstrap,
  }
  writeFileSync(join(folder, 'bootstrap.json'), JSON.stringify(bootstrap))
}

/** Live and out of initialization; warming clusters without an assignment time out inside Envoy after 15 s, so they count as up when listeners are. */
async function comeUp(child: ChildProcess, page: (path: string) => Promise<string>, within: number): Promise<void> {
  const deadline = Date.now() + within * 1000
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`exited with ${child.exitCode ?? child.signalCode}`)
    const ready = await page('/ready').catch(() => '')
    if (ready.startsWith('LIVE')) return
    if (Date.now() > deadline) throw new Error(`not live after ${within} s: ${ready.trim()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

type AdminPlace = { readonly socketPath: string } | { readonly host: string; readonly port: number }

function fetchText(admin: AdminPlace, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ ...admin, path, agent: false, timeout: 2000 }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (data: string) => {
        text += data
      })
      response.on('end', () => resolve(text))
    })
    request.on('timeout', () => request.destroy(new Error('timeout')))
    request.on('error', reject)
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 2000)
  await ended
  clearTimeout(timer)
}
