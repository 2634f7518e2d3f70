/** The cast of the HTTP part: what fixtures/demo/http.yaml says, for the tables. A test keeps both in step. */
import type { Request } from './ask.ts'
import type { Server } from './backends.ts'

export const HTTP_FILE = 'fixtures/demo/http.yaml'
export const SHOP = '127.96.0.40:8080'
export const SHOP_WEIGHTS = [80, 20] as const

export interface ShopServer extends Server {
  readonly part: 'v1' | 'v2'
}

export const SHOP_SERVERS: readonly ShopServer[] = [
  { name: 'shop-1a', part: 'v1', address: '127.96.3.1', port: 18080 },
  { name: 'shop-1b', part: 'v1', address: '127.96.3.2', port: 18080 },
  { name: 'shop-2', part: 'v2', address: '127.96.3.3', port: 18080 },
]

export interface Act {
  readonly what: string
  readonly route: string
  readonly path: string
  readonly headers: Request['headers']
  readonly lane: 'kernel' | 'user space'
  readonly status: number
  /** who may answer; none: a local reply */
  readonly parts: readonly ShopServer['part'][]
  /** what the server sees instead of `path` */
  readonly rewritten?: string
  readonly location?: string
}

export const ACTS: readonly Act[] = [
  {
    what: 'canary by header',
    route: 'testers',
    path: '/',
    headers: [['end-user', 'tester']],
    lane: 'kernel',
    status: 200,
    parts: ['v2'],
  },
  {
    what: 'redirect',
    route: 'moved',
    path: '/old',
    headers: [],
    lane: 'kernel',
    status: 302,
    parts: [],
    location: 'http://127.96.0.40:8080/new',
  },
  { what: 'RBAC', route: 'canary', path: '/admin', headers: [], lane: 'kernel', status: 403, parts: [] },
  { what: 'direct response', route: 'teapot', path: '/teapot', headers: [], lane: 'kernel', status: 418, parts: [] },
  {
    what: 'prefix rewrite',
    route: 'api',
    path: '/api/v1/items?page=2',
    headers: [],
    lane: 'kernel',
    status: 200,
    parts: ['v1'],
    rewritten: '/items?page=2',
  },
  { what: 'response header', route: 'labelled', path: '/labelled', headers: [], lane: 'kernel', status: 200, parts: ['v1'] },
  { what: 'retries', route: 'patient', path: '/patient', headers: [], lane: 'kernel', status: 200, parts: ['v1'] },
  { what: 'mirroring', route: 'copied', path: '/copied', headers: [], lane: 'user space', status: 200, parts: ['v1'] },
]
