/**
 * What the contestants are configured with: the same routing for all, by method, prefix and header over three clusters. In: where to listen, where the servers
 * are; out: text of their configuration. Pure.
 */
import type { Resource } from '../generate.ts'

export interface Socket {
  readonly address: string
  readonly port: number
}

/** Servers by the name that they answer with. `any` answers to whatever is asked; behind it is the service of one cluster. */
export type Servers = Readonly<Record<ServerName, Socket>>
export type ServerName = 'a' | 'b' | 'c' | 'any'
export const CLUSTERS = ['a', 'b', 'c'] as const

/** every request's Host */
export const HOST = 'shop.example'
const TYPE = 'type.googleapis.com/envoy'
/** Idle upstream connections that a proxy may keep to a cluster. */
const IDLE = 256

function socketAddress({ address, port }: Socket): Resource {
  return { socket_address: { address, port_value: port } }
}

const exact = (name: string, value: string): Resource => ({ name, string_match: { exact: value } })
const route = (prefix: string, headers: readonly Resource[], cluster: string): Resource => ({
  match: { prefix, ...(headers.length > 0 && { headers }) },
  route: { cluster },
})
/** Without a limit of time nothing is left to do for a request: the direct lane. */
const SINGLE: Resource = { match: { prefix: '/' }, route: { cluster: 'any', timeout: '0s' } }

/** The routes that are measured; requests.ts asks for each of them. */
const ROUTES: readonly Resource[] = [
  route('/reviews', [exact(':method', 'GET'), exact('x-team', 'beta')], 'b'),
  route('/reviews', [exact(':method', 'GET')], 'a'),
  route('/ratings', [exact(':method', 'GET'), exact('x-team', 'web')], 'c'),
  route('/cart', [exact(':method', 'POST')], 'c'),
]

/** The path prefix of route `index` of many. */
export function manyPath(index: number): string {
  return `/shelf-${index % 97}/product-${index}/`
}

/** The same, behind `count` others that differ in their prefix and lead to the clusters in turn. */
function manyRoutes(count: number): readonly Resource[] {
  return [...Array.from({ length: count }, (_, index) => route(manyPath(index), [], CLUSTERS[index % 3] as string)), ...ROUTES]
}

function virtualHosts(domain: string, routes: readonly Resource[]): Resource {
  return { name: 'shop', virtual_hosts: [{ name: 'shop', domains: [domain], routes }] }
}

function listener(name: string, listen: Socket, configuration: Resource, more: Resource): Resource {
  const manager = {
    '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'bench',
    route_config: configuration,
    http_filters: [{ name: 'router', typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` } }],
  }
  return { name, address: socketAddress(listen), filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }], ...more }
}

function cluster(name: string, server: Socket): Resource {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '2s',
    circuit_breakers: { thresholds: [{ max_connections: 100_000, max_pending_requests: 100_000, max_requests: 100_000 }] },
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(server) } }] }] },
  }
}

/** Envoy as a proxy: the same listener, route configuration and clusters that kmeshc compiles; no access log. */
export function envoyConfig(listen: Socket, servers: Servers): string {
  return JSON.stringify({
    static_resources: {
      listeners: [listener('bench', listen, virtualHosts(HOST, ROUTES), {})],
      clusters: CLUSTERS.map((name) => cluster(name, servers[name])),
    },
  })
}

export interface Services {
  /** routed request by request */
  readonly routed: Socket
  /** one cluster and nothing to do for a request */
  readonly single: Socket
}

/** What a control plane sends: `routes` more of them stand before the measured ones. */
export function snapshot(services: Services, servers: Servers, routes: number): string {
  const typed = (type: string, resource: Resource): Resource => ({ '@type': `${TYPE}.config.${type}`, ...resource })
  const outbound = { bind_to_port: false, traffic_direction: 'OUTBOUND' }
  return JSON.stringify([
    typed('listener.v3.Listener', listener('routed', services.routed, virtualHosts(HOST, manyRoutes(routes)), outbound)),
    typed('listener.v3.Listener', listener('single', services.single, virtualHosts('*', [SINGLE]), outbound)),
    ...[...CLUSTERS, 'any' as const].map((name) => typed('cluster.v3.Cluster', cluster(name, servers[name]))),
  ])
}

/** `folder`: what nginx writes goes there. */
export function nginxConfig(listen: Socket, servers: Servers, folder: string): string {
  const upstream = (name: (typeof CLUSTERS)[number]): string =>
    `upstream ${name} { server ${servers[name].address}:${servers[name].port}; keepalive ${IDLE}; keepalive_requests 100000000; }`
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `${what}_temp_path ${folder}/${what};`)
  return `user root;
daemon off;
worker_processes 2;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 8192; }
http {
  access_log off;
  ${temporary.join(' ')}
  client_body_buffer_size 64k;
  proxy_max_temp_file_size 0;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  keepalive_requests 100000000;
  ${CLUSTERS.map(upstream).join('\n  ')}
  map "$request_method:$http_x_team" $reviews { default ""; "~^GET:beta$" b; "~^GET:" a; }
  map "$request_method:$http_x_team" $ratings { default ""; "GET:web" c; }
  map $request_method $cart { default ""; POST c; }
  server {
    listen ${listen.address}:${listen.port} backlog=4096 reuseport;
    server_name ${HOST};
    location /reviews { if ($reviews = "") { return 404; } proxy_pass http://$reviews; }
    location /ratings { if ($ratings = "") { return 404; } proxy_pass http://$ratings; }
    location /cart { if ($cart = "") { return 404; } proxy_pass http://$cart; }
    location / { return 404; }
  }
}
`
}

export function haproxyConfig(listen: Socket, servers: Servers): string {
  const backend = (name: (typeof CLUSTERS)[number]): string =>
    `backend ${name}\n  http-reuse always\n  server ${name} ${servers[name].address}:${servers[name].port} pool-max-conn ${IDLE}`
  return `global
  nbthread 2
  maxconn 8000
defaults
  mode http
  option http-keep-alive
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend bench
  bind ${listen.address}:${listen.port}
  acl shop hdr(host) -m str ${HOST}
  acl get method GET
  use_backend b if shop get { path_beg /reviews } { req.hdr(x-team) -m str beta }
  use_backend a if shop get { path_beg /reviews }
  use_backend c if shop get { path_beg /ratings } { req.hdr(x-team) -m str web }
  use_backend c if shop { method POST } { path_beg /cart }
${CLUSTERS.map(backend).join('\n')}
`
}
