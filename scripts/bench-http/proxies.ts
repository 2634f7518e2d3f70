/**
 * The proxies that kmesh is compared with. In: where to listen, the servers, where to run; out: a started proxy, or why it is left out.
 * Each may use two threads and keeps its connections to the servers.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../commands.ts'
import { type Place, start } from '../kit/process.ts'
import { envoyConfig, haproxyConfig, nginxConfig, type Servers, type Socket } from './configs.ts'

export const PROXIES = ['nginx', 'haproxy', 'envoy'] as const
export type ProxyName = (typeof PROXIES)[number]
export type Started = { readonly kind: 'started' } | { readonly kind: 'missing'; readonly why: string }

export function startProxy(name: ProxyName, listen: Socket, servers: Servers, folder: string, place: Place): Started {
  const write = (file: string, text: string): string => {
    writeFileSync(join(folder, file), text)
    return join(folder, file)
  }
  if (name === 'envoy') {
    const envoy = process.env.KMESH_ENVOY ?? join(ROOT, '.venv/bin/envoy')
    if (!existsSync(envoy)) return { kind: 'missing', why: '.venv/bin/envoy is not there (scripts/setup makes it)' }
    const file = write('envoy.json', envoyConfig(listen, servers))
    start([envoy, '-c', file, '--concurrency', '2', '-l', 'off', '--use-dynamic-base-id'], place, 'ignore')
    return { kind: 'started' }
  }
  if (spawnSync(name, ['-v']).error !== undefined) return { kind: 'missing', why: `${name} is not installed` }
  if (name === 'haproxy') {
    start(['haproxy', '-db', '-f', write('haproxy.cfg', haproxyConfig(listen, servers))], place, 'ignore')
    return { kind: 'started' }
  }
  const own = join(folder, 'nginx')
  mkdirSync(own)
  start(['nginx', '-p', own, '-c', write('nginx.conf', nginxConfig(listen, servers, own))], place, ['ignore', 'ignore', 'inherit'])
  return { kind: 'started' }
}
