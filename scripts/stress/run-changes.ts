/**
 * Changes of what is in force, drawn at random, while clients ask without pause: whole applies, deltas, rollbacks, and the death of the process that makes them at any moment. In: seed, how long or how many switches. Out: a
 * report with everything that was wrong: a decision of two generations, an older generation after a newer one, a connection that failed, a change that was refused.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Artifact } from '../../proto/artifact/format.ts'
import { deltaFile } from '../kit/artifacts-delta.ts'
import { type GovernedArtifact, governedArtifact } from '../kit/governed-artifact.ts'
import { run } from '../kit/process.ts'
import { type Random, seeded } from '../probes/random.ts'
import { history } from '../../runtime/history.ts'
import { type Looking, startLookups } from './lookups.ts'
import {
  endpointOf,
  everyState,
  servicesOf,
  SERVICE_PORT,
  SERVICES,
  type State,
  serviceAddress,
  stateName,
  stateOf,
  VARIANTS,
} from './states.ts'
import { KILLED, makeStressWorld, type World } from './world.ts'

export interface ChangesOptions {
  readonly seed: number
  /** ends with whichever comes first */
  readonly seconds: number
  readonly switches: number
  /** share of changes whose process is killed */
  readonly kills: number
  /** threads that ask for decisions */
  readonly threads: number
  readonly tell: (line: string) => void
}

export interface ChangesReport {
  readonly seconds: number
  readonly switches: number
  /** changes by kind, and how many were killed */
  readonly done: Readonly<Record<Change | 'killed', number>>
  readonly decisions: number
  readonly connections: number
  /** states that some client saw come into force */
  readonly seen: number
  readonly wrong: readonly string[]
}

type Change = 'apply' | 'delta' | 'rollback'

/** milliseconds within which the process of a change is killed: about as long as it takes */
const KILL_WITHIN: Readonly<Record<Change, number>> = { apply: 200, delta: 8, rollback: 4 }
const TURNS = 40
const TELL_EVERY = 100
const NO_ROOM = /spare|state rows|still in use/

export async function runChanges(options: ChangesOptions): Promise<ChangesReport> {
  const random = seeded(options.seed)
  const states = everyState()
  const endpoints = states.flatMap((state) => Array.from({ length: SERVICES }, (_, index) => endpointOf(state, index + 1)))
  const world = await makeStressWorld(endpoints)
  try {
    const files = await writeAll(world.folder, states)
    makeSources(world, endpoints)
    world.apply(files.artifact(states[0] as State))
    const order = [stateName(states[0] as State)]
    const looking = Array.from({ length: options.threads }, () =>
      startLookups(world.place, { first: serviceAddress(1), port: SERVICE_PORT, count: SERVICES }),
    )
    const dialing = startDialing(world)
    const began = performance.now()
    const wrong: string[] = []
    const done = { apply: 0, delta: 0, rollback: 0, killed: 0 }
    for (let told = 0; order.length <= options.switches && performance.now() - began < options.seconds * 1000 && wrong.length === 0; ) {
      await change({ random, world, states, files, order, done, wrong, kills: options.kills })
      if (order.length < told + TELL_EVERY) continue
      told = order.length
      options.tell(`${told - 1} switches`)
    }
    const { connections, visited, wrong: failed } = await dialing.end()
    const looked = await Promise.all(looking.map((one: Looking) => one.end()))
    for (const [index, { states: visits, wrong: bad }] of [...looked, { states: visited, wrong: failed }].entries())
      wrong.push(...bad.map((line) => `client ${index}: ${line}`), ...outOfOrder(order, visits).map((line) => `client ${index}: ${line}`))
    return {
      seconds: Math.round((performance.now() - began) / 1000),
      switches: order.length - 1,
      done,
      decisions: looked.reduce((sum, { decisions }) => sum + decisions, 0),
      connections,
      seen: Math.max(...looked.map(({ states: visits }) => visits.length)),
      wrong,
    }
  } finally {
    world.close()
  }
}

interface Files {
  artifact(state: State): string
  /** to another variant of the same state */
  delta(from: State, to: State): string
  /** of an artifact's digest */
  state(digest: string | undefined): State | undefined
}

async function writeAll(folder: string, states: readonly State[]): Promise<Files> {
  const made = new Map<string, GovernedArtifact>()
  for (const state of states) made.set(stateName(state), await governedArtifact(servicesOf(state)))
  const artifact = (state: State): Artifact => (made.get(stateName(state)) as GovernedArtifact).artifact
  const path = (...of: readonly State[]): string => join(folder, `${of.map(stateName).join('-')}.tar`)
  for (const state of states) writeFileSync(path(state), (made.get(stateName(state)) as GovernedArtifact).bytes)
  for (const from of states)
    for (const to of states)
      if (to.state === from.state && to.variant !== from.variant)
        writeFileSync(path(from, to), await deltaFile(artifact(from), artifact(to)))
  const byDigest = new Map(states.map((state) => [artifact(state).digest, state]))
  return { artifact: path, delta: path, state: (digest) => byDigest.get(digest ?? '') }
}

/** An endpoint's address is the source of what is sent to it, so that a connected socket tells it. */
function makeSources({ place }: World, endpoints: readonly { readonly address: string }[]): void {
  const lines = endpoints.flatMap(({ address }) => [
    `addr replace ${address}/32 dev lo`,
    `route replace local ${address} dev lo table local src ${address}`,
  ])
  run(['ip', '-batch', '-'], { namespace: place.namespace }, `${lines.join('\n')}\n`)
}

interface Changing {
  readonly random: Random
  readonly world: World
  readonly states: readonly State[]
  readonly files: Files
  /** what came into force */
  readonly order: string[]
  readonly done: Record<Change | 'killed', number>
  readonly wrong: string[]
  readonly kills: number
}

async function change({ random, world, states, files, order, done, wrong, kills }: Changing): Promise<void> {
  const current = inForce(world, files)
  const { state, variant } = current
  const drawn = random.one<Change>(['apply', 'delta', 'delta', 'rollback'])
  const kind = drawn === 'rollback' && !history(world.instance).generations.some(({ state: now }) => now === 'retained') ? 'apply' : drawn
  const another = random.one(states.filter((one) => stateName(one) !== stateName(current)))
  const next = kind === 'delta' ? { state, variant: (variant + random.whole(1, VARIANTS - 1)) % VARIANTS } : another
  const until = random.whole(0, KILL_WITHIN[kind])
  const timer = random.chance(kills) ? setTimeout(() => world.killAside(), until) : undefined
  const work = { apply: () => files.artifact(next), delta: () => files.delta(current, next), rollback: () => undefined }[kind]()
  const said = await (work === undefined ? world.rollbackAside() : world.applyAside(work)).then(
    () => '',
    (error: Error) => error.message,
  )
  clearTimeout(timer)
  done[kind]++
  if (said === KILLED) done.killed++
  // a delta that finds no room asks for the whole artifact
  else if (NO_ROOM.test(said)) await world.applyAside(files.artifact(next))
  else if (said !== '') wrong.push(`${kind} from ${stateName(current)} to ${stateName(next)}: ${said}`)
  const now = inForce(world, files)
  if (stateName(now) !== order.at(-1)) order.push(stateName(now))
  if (said === '' && kind !== 'rollback' && stateName(now) !== stateName(next))
    wrong.push(`${kind} to ${stateName(next)}: ${stateName(now)} is in force`)
}

/** As the kernel says it: whoever was to tell may have been killed. */
function inForce({ instance }: World, files: Files): State {
  const live = history(instance).generations.find(({ state }) => state === 'live')
  const state = files.state(live?.artifact)
  if (state === undefined) throw new Error(`${live?.artifact ?? 'nothing'} is in force`)
  return state
}

interface Dialing {
  end(): Promise<{ readonly connections: number; readonly visited: readonly string[]; readonly wrong: readonly string[] }>
}

/** TCP connections to every service in turn, which a server at the endpoint answers. */
function startDialing(world: World): Dialing {
  const dialer = world.dialer()
  const running = { now: true }
  const visited: string[] = []
  const wrong: string[] = []
  let connections = 0
  const work = (async () => {
    for (let turn = 0; running.now; turn++) {
      const service = 1 + (turn % SERVICES)
      const { sequence = [], failed } = await dialer.dial({
        ...{ protocol: 'tcp', address: serviceAddress(service), port: SERVICE_PORT, count: TURNS, sequence: true },
      })
      for (const [why, count] of Object.entries(failed)) wrong.push(`service ${service}: ${count} ${why}`)
      for (const place of sequence) {
        const state = stateOf(place, service)
        if (state === undefined) wrong.push(`service ${service}: ${place}`)
        else if (state !== visited.at(-1)) visited.push(state)
      }
      connections += sequence.length
    }
  })()
  return {
    end: async () => {
      running.now = false
      await work
      return { connections, visited, wrong }
    },
  }
}

/** One line for each state that was not in force at its time. What a client sees is a part of what came into force, in the same order. */
export function outOfOrder(order: readonly string[], visits: readonly string[]): readonly string[] {
  const wrong: string[] = []
  let at = 0
  for (const state of visits) {
    const now = order.indexOf(state, at)
    if (now < 0) wrong.push(`${state} after ${order[at]}, switch ${at}`)
    else at = now
  }
  return wrong
}
