/** The cast of the demo: what fixtures/demo/*.json say, for the tables. A test keeps both in step. */
import type { Server } from './backends.ts'

export const WEB = '127.96.0.10:8080'
export const CACHE = '127.96.0.20:6379'
/** of the HTTP service, whose listener needs a slow path */
export const CATALOG = '127.96.0.30:9080'

export interface Backend extends Server {
  /** the subset of the canary that it belongs to, or the service */
  readonly part: 'web v1' | 'web v2' | 'cache'
}

export const BACKENDS: readonly Backend[] = [
  { name: 'web-1a', part: 'web v1', address: '127.96.1.1', port: 18080 },
  { name: 'web-1b', part: 'web v1', address: '127.96.1.2', port: 18080 },
  { name: 'web-2', part: 'web v2', address: '127.96.1.3', port: 18080 },
  { name: 'cache-1', part: 'cache', address: '127.96.2.1', port: 16379 },
  { name: 'cache-2', part: 'cache', address: '127.96.2.2', port: 16379 },
]

export interface Canary {
  readonly file: string
  readonly weights: readonly [v1: number, v2: number]
}

export const BEFORE: Canary = { file: 'fixtures/demo/canary-10.json', weights: [90, 10] }
export const AFTER: Canary = { file: 'fixtures/demo/canary-50.json', weights: [50, 50] }
