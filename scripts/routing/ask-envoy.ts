/**
 * A real Envoy as the judge of routing. In: cases. Out: a verdict for each: refused with Envoy's words, or an outcome for each request. One Envoy has a listener
 * for each case, on an address of its own below 127.64.0.0/12; its clusters lead to servers that tell what came in.
 * Invariant: nothing leaves loopback; Envoy and servers are gone when the promise settles.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JsonObject, type RunningEnvoy, startEnvoy } from '../oracle/envoy.ts'
import { type EchoUpstreams, startEchoUpstreams } from './echo-upstreams.ts'
import { clusterResource, listenerResource } from './case-resources.ts'
import { askAll, type RawAnswer } from './raw-client.ts'
import { CLIENT_ADDRESS, CLUSTERS, LISTENER_PORT, type RoutingCase, type RoutingOutcome, type Verdict } from './routing-case.ts'

export interface OracleOptions {
  /** the servers' ports follow it; runs at the same time need others */
  readonly port: number
  /** bootstrap fields, e.g. layered_runtime */
  readonly bootstrap?: JsonObject
}

/** MOST_CASES cases at most at a time */
export async function askEnvoy(cases: readonly RoutingCase[], options: OracleOptions): Promise<readonly Verdict[]> {
  if (cases.length > MOST_CASES) throw new Error(`${cases.length} cases are more than ${MOST_CASES}`)
  const verdicts = await askOnce(cases, options)
  if (verdicts !== undefined) return verdicts
  // a file with one text that is no JSON of its type is refused as a whole
  if (cases.length < 2) return cases.map(() => ({ kind: 'refused', error: 'it is not the JSON of a listener' }))
  const middle = cases.length >> 1
  return [...(await askEnvoy(cases.slice(0, middle), options)), ...(await askEnvoy(cases.slice(middle), options))]
}

/** undefined: Envoy has not looked at single listeners */
async function askOnce(cases: readonly RoutingCase[], options: OracleOptions): Promise<readonly Verdict[] | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-routing-'))
  const log = join(folder, 'access.log')
  const upstreams = await startEchoUpstreams(CLUSTERS, options.port + 1)
  try {
    const envoy = await startEnvoy({
      listeners: cases.map((one, index) => ({ ...listenerResource(one, placeOf(index, options.port), log), name: `L${index}` })),
      clusters: CLUSTERS.map((name) => clusterResource(name, upstreams.ports.get(name) ?? 0)),
      within: 120,
      ...(options.bootstrap !== undefined && { bootstrap: options.bootstrap }),
      // deprecated fields and refusals are many, and their texts long
      argv: ['--file-flush-interval-msec', '50', '--component-log-level', 'misc:critical,upstream:critical,config:critical'],
    })
    try {
      return await askRunning(cases, envoy, upstreams, { log, port: options.port })
    } finally {
      await envoy.stop()
    }
  } finally {
    await upstreams.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

export const MOST_CASES = 4000
const AT_ONCE = 24

/** Where case number `index` of the run at `port` listens. */
function placeOf(index: number, port: number): { readonly host: string; readonly port: number; readonly from: string } {
  return { host: `127.${64 + (port % 61)}.${(index >> 7) & 127}.${(index & 127) + 1}`, port: LISTENER_PORT, from: CLIENT_ADDRESS }
}

async function askRunning(
  cases: readonly RoutingCase[],
  envoy: RunningEnvoy,
  upstreams: EchoUpstreams,
  { log, port }: { readonly log: string; readonly port: number },
): Promise<readonly Verdict[] | undefined> {
  const errors = await refusals(envoy)
  if (errors === undefined) return undefined
  const answers = new Map<number, readonly RawAnswer[]>()
  const queue = cases.flatMap((_, index) => (errors.has(index) ? [] : [index]))
  const worker = async (): Promise<void> => {
    for (let index = queue.shift(); index !== undefined; index = queue.shift())
      answers.set(index, await askAll(placeOf(index, port), cases[index]?.requests ?? []))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  const asked = [...answers.values()].reduce((sum, list) => sum + list.length, 0)
  const lines = await readLog(log, asked)
  return cases.map((_, index): Verdict => {
    const error = errors.get(index)
    if (error !== undefined) return { kind: 'refused', error }
    const list = answers.get(index) ?? []
    const { host } = placeOf(index, port)
    return {
      kind: 'taken',
      outcomes: list.map((answer, at) => {
        const before = list.slice(0, at).filter((other) => other.port === answer.port).length
        return outcomeOf(answer, lines.get(`${host}:${LISTENER_PORT} ${answer.port}`)?.[before], upstreams)
      }),
    }
  })
}

/** By number of the case: what Envoy said against it; undefined when it knows no listener at all. */
async function refusals(envoy: RunningEnvoy): Promise<ReadonlyMap<number, string> | undefined> {
  const dump = JSON.parse(await envoy.admin('/config_dump?resource=dynamic_listeners&mask=name,error_state.details')) as {
    readonly configs?: readonly { readonly name?: string; readonly error_state?: { readonly details?: string } }[]
  }
  const found = new Map<number, string>()
  if ((dump.configs ?? []).length === 0) return undefined
  for (const { name, error_state } of dump.configs ?? [])
    if (error_state !== undefined && name !== undefined) found.set(Number(name.slice(1)), error_state.details ?? 'refused')
  return found
}

interface LogLine {
  readonly local: string
  readonly port: number
  readonly details: string | null
  readonly route: string | null
}

/** By place and client port, in order. Waits until there are as many lines as requests, a second at most. */
async function readLog(file: string, expected: number): Promise<ReadonlyMap<string, readonly LogLine[]>> {
  let text = ''
  for (let tries = 0; tries < 20; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 60))
    text = readFileSync(file, { encoding: 'utf8', flag: 'a+' })
    if (text.split('\n').length > expected) break
  }
  const lines = new Map<string, LogLine[]>()
  for (const row of text.split('\n')) {
    if (row === '') continue
    const line = JSON.parse(row) as LogLine
    const key = `${line.local} ${line.port}`
    const held = lines.get(key)
    if (held === undefined) lines.set(key, [line])
    else held.push(line)
  }
  return lines
}

function outcomeOf(answer: RawAnswer, line: LogLine | undefined, upstreams: EchoUpstreams): RoutingOutcome {
  const number = answer.headers.find(([name]) => name === 'x-oracle')?.[1]
  return {
    status: answer.status,
    details: line?.details ?? undefined,
    route: line?.route ?? undefined,
    upstream: number === undefined ? undefined : upstreams.take(number),
    location: answer.headers.find(([name]) => name === 'location')?.[1],
    body: answer.body,
    response_headers: answer.headers.filter(([name]) => name !== 'x-oracle'),
  }
}
