/** What is measured. In: nothing; out: by name, which load each contestant meets. */
import type { Load } from './client.ts'
import type { MeasureName } from './report.ts'
import { closing, LARGE, POST, SMALL } from './requests.ts'

export interface Measure extends Load {
  /** what people read */
  readonly title: string
  /** one: client, proxy, servers and holder share a CPU: latency is then what the path costs, without waking another CPU */
  readonly cpus: 'all' | 'one'
}

const keepalive = (connections: number): Measure => ({
  title: `keep-alive, ${connections === 1 ? 'one connection' : `${connections} connections`}`,
  client: 'wrk',
  mode: 'keepalive',
  connections,
  requests: SMALL,
  cpus: 'all',
})
const connect = (connections: number): Measure => ({
  ...keepalive(connections),
  title: `new connection for each request, ${connections === 1 ? 'one at a time' : `${connections} at once`}`,
  client: 'dial',
  mode: 'connect',
})

export const MEASURE: Readonly<Record<MeasureName, Measure>> = {
  'keepalive-1': keepalive(1),
  'keepalive-16': keepalive(16),
  'keepalive-64': keepalive(64),
  'one-cpu': { ...keepalive(1), title: 'keep-alive, one connection, all on one CPU', client: 'dial', cpus: 'one' },
  large: { ...keepalive(4), title: 'replies of 1 MB, 4 connections', requests: LARGE },
  post: { ...keepalive(16), title: 'POST of 16 KB, 16 connections', requests: POST },
  'connect-1': connect(1),
  'connect-16': connect(16),
  'close-16': { ...keepalive(16), title: '"Connection: close" in each request, 16 at once', requests: closing(SMALL) },
}
