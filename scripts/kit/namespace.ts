/**
 * A closed network namespace: loopback only, no interface that leads anywhere, so that real 10.x addresses may be dialled.
 *
 * In: addresses and prefixes that shall be local, one source address a family; out: a path for `Place.namespace` and setns.
 * How: the namespace belongs to a sleeping holder process that dies with us, so nothing stays behind. Addresses are local *routes*, not
 * interface addresses: ten thousand cost a second, any socket can bind to them, and the source addresses stay the only global ones.
 * What is not local has a `prohibit` route: connect() there fails at once with EACCES, which no refusal of ours does.
 */
import { isIPv6 } from 'node:net'
import { undoAtExit } from './cleanup.ts'
import { run, start } from './process.ts'

export interface NamespaceOptions {
  /** addresses or prefixes ("10.1.2.3", "10.0.0.0/8", "fd00::1", "fd00::/64"); 127.0.0.0/8 and ::1 are always there */
  readonly addresses: readonly string[]
  /** the one global IPv4 address, which clients have as source; default 172.31.255.1; null for none */
  readonly source4?: string | null
  /** the one global IPv6 address; default fd6b:6d65:7368::1; null for none */
  readonly source6?: string | null
}

export interface Namespace {
  /** /proc/PID/ns/net */
  readonly path: string
  /** process id of the holder */
  readonly holder: number
  /** More local addresses or prefixes, later. Those that are there already are left alone. */
  add(addresses: readonly string[]): void
  remove(): void
}

export const DEFAULT_SOURCE4 = '172.31.255.1'
export const DEFAULT_SOURCE6 = 'fd6b:6d65:7368::1'

const SETTINGS = [
  'net/ipv6/ip_nonlocal_bind=1',
  'net/ipv4/tcp_tw_reuse=1',
  'net/ipv4/ip_local_port_range=10000 60999',
  'net/core/somaxconn=4096',
]

export async function makeNamespace(options: NamespaceOptions): Promise<Namespace> {
  const child = start(['unshare', '--net', 'sh', '-c', 'echo ready; exec sleep infinity'], {}, ['ignore', 'pipe', 'inherit'])
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve())
    child.once('exit', (code) => reject(new Error(`unshare --net: exit ${code}`)))
  })
  child.unref()
  child.stdout?.destroy()
  const holder = child.pid as number
  const path = `/proc/${holder}/ns/net`
  const remove = undoAtExit(() => child.kill('SIGKILL'))
  const source4 = options.source4 === undefined ? DEFAULT_SOURCE4 : options.source4
  const source6 = options.source6 === undefined ? DEFAULT_SOURCE6 : options.source6
  run(['sh', '-c', SETTINGS.map((setting) => setting.replace(/^([^=]+)=(.*)$/, 'echo $2 > /proc/sys/$1')).join('; ')], { namespace: path })
  batch(path, 'v4', ['link set lo up', 'route add prohibit default', ...(source4 === null ? [] : [`addr add ${source4}/32 dev lo`])])
  batch(path, 'v6', ['route add prohibit default metric 4096', ...(source6 === null ? [] : [`addr add ${source6}/128 dev lo nodad`])])
  const add = (addresses: readonly string[]): void => {
    const wanted = [...new Set(addresses)].filter((address) => address !== source4 && address !== source6 && address !== '::1')
    batch(
      path,
      'v4',
      wanted.filter((address) => family(address) === 'v4').map((address) => localRoute(address, source4)),
    )
    batch(
      path,
      'v6',
      wanted.filter((address) => family(address) === 'v6').map((address) => localRoute(address, source6)),
    )
  }
  add(options.addresses)
  return { path, holder, add, remove }
}

function family(address: string): 'v4' | 'v6' {
  return isIPv6(address.split('/')[0] as string) ? 'v6' : 'v4'
}

function localRoute(address: string, source: string | null): string {
  return `route replace local ${address} dev lo table local${source === null || address.startsWith('127.') ? '' : ` src ${source}`}`
}

function batch(namespace: string, ipFamily: 'v4' | 'v6', lines: readonly string[]): void {
  if (lines.length > 0) run(['ip', ipFamily === 'v4' ? '-4' : '-6', '-batch', '-'], { namespace }, `${lines.join('\n')}\n`)
}
