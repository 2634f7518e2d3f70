/**
 * The HTTP part of the demo. In: an instance that is in force. Out: requests through the kernel with the lane of each, and a restart of `serve` under load.
 * Invariant: nobody serves the instance afterwards; all traffic goes to 127.0.0.0/8.
 */
import { join } from 'node:path'
import { findCgroup2 } from '../../runtime/sys/mountinfo.ts'
import type { Place } from '../kit/process.ts'
import { type Serving, startServing } from '../kit/serving.ts'
import { type Answer, ask, type Request } from './ask.ts'
import { startBackends } from './backends.ts'
import { type Load, wrk } from './clients.ts'
import { kmesh } from './commands.ts'
import { agrees, expectations } from './expectation.ts'
import { type Act, ACTS, HTTP_FILE, SHOP, SHOP_SERVERS, SHOP_WEIGHTS } from './http-story.ts'
import { type LaneCount, laneText, readLanes, since } from './lane-counts.ts'
import { promise } from './promises.ts'
import { dim, say, shown, step, table } from './screen.ts'

const REQUESTS = 1000
/** Share of them that the kernel decides at least. */
const MOSTLY = 0.98
const HTTP_STATUS = { show: 14, from: /^LISTENER +VIRTUAL HOST/ } as const

/** `artifact`: a file to write */
export async function showHttp(instance: string, artifact: string): Promise<void> {
  const where: Place = { cgroup: join(findCgroup2() ?? '', 'kmesh', instance) }

  step('HTTP, request by request: compile and apply a service with routes, and start the node process that accepts for it')
  kmesh('kmeshc', ['compile', HTTP_FILE, '-o', artifact], { show: 5 })
  const servers = await startBackends(SHOP_SERVERS)
  kmesh('kmesh-runtime', ['apply', artifact, '--instance', instance], { show: 3 })
  const serving = await startServing(instance)
  shown(`kmesh-runtime serve --instance ${instance} &`)

  step('A canary by weight: the choice is made for each request, also of one connection')
  // connections to endpoints are made when they are first wanted
  await ask(where, SHOP, bare('/'), 20)
  await servers.requests()
  const before = readLanes(instance)
  const answers = await ask(where, SHOP, bare('/'), REQUESTS)
  const reached = await servers.requests()
  shown(`curl http://${SHOP}/   ${dim(`(${REQUESTS} requests on one connection)`)}`)
  weights(answers, reached, since(before, readLanes(instance)))

  step('Other routes, and the lane of each, as the counters in the kernel tell it')
  await acts(instance, where)

  step('Restart the node process under load: let it go and start another, then let a third take over')
  await restart(instance, where, serving)

  kmesh('kmesh-runtime', ['status', '--instance', instance], HTTP_STATUS)
  shown(`kmesh-runtime serve --stop --instance ${instance}`)
  serving.end()
}

function bare(path: string): Request {
  return { method: 'GET', authority: SHOP, path, headers: [] }
}

function weights(answers: readonly Answer[], reached: ReadonlyMap<string, number>, lanes: readonly LaneCount[]): void {
  const countOf = (part: string): number =>
    SHOP_SERVERS.filter((one) => one.part === part).reduce((sum, { name }) => sum + (reached.get(name) ?? 0), 0)
  const split = expectations([
    { name: 'v1', weight: SHOP_WEIGHTS[0], count: countOf('v1') },
    { name: 'v2', weight: SHOP_WEIGHTS[1], count: countOf('v2') },
  ])
  table([
    ['reached', 'requests', 'expected', 'deviation'],
    ...split.map(({ name, count, expected, sigma }) => [
      name,
      `${count}`,
      expected.toFixed(0),
      `${sigma < 0 ? '' : '+'}${sigma.toFixed(2)} sigma`,
    ]),
  ])
  const good = answers.filter(({ status }) => status === 200).length
  promise(`${answers.length} requests, ${answers.length - good} failed`, good === REQUESTS ? 'yes' : 'no')
  promise(`the canary gets ${SHOP_WEIGHTS[0]}/${SHOP_WEIGHTS[1]} of the requests`, agrees(split))
  // where the next connection to an endpoint is not yet there, a request goes through user space
  const inKernel = lanes.reduce((sum, { kernel }) => sum + kernel, 0)
  promise(`lane: ${laneText(lanes)}`, inKernel >= REQUESTS * MOSTLY ? 'yes' : 'no')
}

async function acts(instance: string, where: Place): Promise<void> {
  const rows: string[][] = [['what', 'request', 'answer', 'from', 'it saw', 'lane']]
  const wrong: string[] = []
  for (const act of ACTS) {
    const before = readLanes(instance)
    const [answer] = await ask(where, SHOP, { ...bare(act.path), headers: act.headers }, 1)
    const lane = laneText(since(before, readLanes(instance)))
    const asked = [act.path, ...act.headers.map(([name, value]) => `${name}: ${value}`)].join(' ')
    const said = `${answer?.status ?? 0}${answer?.location ? ` ${answer.location}` : ''}`
    rows.push([act.what, asked, said, answer?.server || '-', answer?.path || '-', lane])
    if (answer === undefined || !asPromised(act, answer) || !lane.startsWith(act.lane)) wrong.push(act.what)
  }
  table(rows)
  promise(`canary by header, redirect, 403, rewrite: each as the routes say${wrong.map((what) => `; not: ${what}`).join('')}`, kept(wrong))
  const inKernel = ACTS.filter(({ lane }) => lane === 'kernel').length
  promise(`${inKernel} of them are decided in the kernel; what has to be sent twice is not`, kept(wrong))
}

function kept(wrong: readonly string[]): 'yes' | 'no' {
  return wrong.length === 0 ? 'yes' : 'no'
}

function asPromised({ status, parts, path, rewritten, location }: Act, answer: Answer): boolean {
  const server = SHOP_SERVERS.find(({ name }) => name === answer.server)
  const from = parts.length === 0 ? answer.server === '' : server !== undefined && parts.includes(server.part)
  return (
    answer.status === status && answer.location === (location ?? '') && from && (parts.length === 0 || answer.path === (rewritten ?? path))
  )
}

/** Seconds of load for each of the two changes. */
const SECONDS = 4

async function restart(instance: string, where: Place, first: Serving): Promise<void> {
  let running: 'yes' | 'no' = 'yes'
  const before = readLanes(instance)
  const fast: Promise<Load> = wrk(instance, SHOP, SECONDS, 'kept')
  const slow = (async () => {
    const answers: Answer[] = []
    while (running === 'yes') answers.push(...(await ask(where, SHOP, bare('/copied'), 20)))
    return answers
  })()
  first.leave()
  const codes = [await first.ended]
  shown(`kill -HUP ${first.pid}; kmesh-runtime serve --instance ${instance} &`)
  const second = await startServing(instance)
  shown(`kmesh-runtime serve --instance ${instance} &   ${dim('(takes over)')}`)
  await startServing(instance)
  codes.push(await second.ended)
  running = 'no'
  const load = await fast
  const answers = await slow
  const bad = answers.filter(({ status }) => status !== 200)
  const counts = since(before, readLanes(instance))
  say(`lanes: ${laneText(counts)}`)
  const requests = load.requests + answers.length
  const how = [...load.how, ...bad.map(({ status, exitCode }) => `curl ${exitCode} with ${status}`)]
  promise(
    `${requests.toLocaleString('en-US')} requests during two changes of the node process, ${load.failed + bad.length} failed${how.length > 0 ? `: ${how.join(', ')}` : ''}`,
    how.length === 0 && load.requests > 0 && answers.length > 0 ? 'yes' : 'no',
  )
  promise('both processes left in good order', codes.every((code) => code === 0) ? 'yes' : 'no')
}
