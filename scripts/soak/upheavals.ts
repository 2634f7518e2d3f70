/**
 * What happens to an instance while clients ask. In: a seeded choice, an instance with its artifacts, its node process and frail servers. Out: one upheaval after the other, each told.
 * Invariant: when `run` resolves somebody serves, the servers are there and a generation of the last stage is in force.
 */
import { spawn } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { command } from '../commands.ts'
import { type Serving, startServing } from '../kit/serving.ts'
import type { Stage } from './resources.ts'

export const UPHEAVALS = ['apply', 'leave', 'replace', 'kill', 'restart'] as const
/** apply: the other stage; leave: SIGHUP, then another node process; replace: another takes over; kill: SIGKILL, then another; restart: of frail servers */
export type Upheaval = (typeof UPHEAVALS)[number]

export interface UpheavalWorld {
  readonly instance: string
  readonly cgroup: string
  readonly observe: readonly string[]
  readonly artifacts: Readonly<Record<Stage, string>>
  /** of frail servers */
  restart(): Promise<void>
}

export interface Upheavals {
  serving(): Serving
  /** milliseconds (Date.now()) at which node processes were killed: what they had is lost */
  killed(): readonly number[]
  /** seconds that each took */
  times(): Readonly<Record<string, readonly number[]>>
  run(one: Upheaval): Promise<void>
}

/** Milliseconds in which one that left or was replaced has ended. */
const ENDED = 30_000

export async function startUpheavals(world: UpheavalWorld): Promise<Upheavals> {
  let serving = await startServing(world.instance, { observe: world.observe })
  let stage: Stage = 'first'
  const killed: number[] = []
  const times: Record<string, number[]> = {}
  const start = (): Promise<Serving> => startServing(world.instance, { observe: world.observe })
  const next = async (old: Serving): Promise<void> => {
    // where the machine is too busy for the first, the second takes over from it
    serving = await start().catch(start)
    const late = pause(ENDED, 'late' as const, { ref: false })
    if ((await Promise.race([old.ended, late])) === 'late') throw new Error(`kmesh-runtime serve, process ${old.pid}, does not end`)
  }
  const run = async (one: Upheaval): Promise<void> => {
    switch (one) {
      case 'apply':
        stage = stage === 'first' ? 'second' : 'first'
        return runtime(['apply', world.artifacts[stage], '--instance', world.instance, '--cgroup', world.cgroup])
      case 'leave':
        serving.leave()
        await serving.ended
        return next(serving)
      case 'replace':
        return next(serving)
      case 'kill':
        killed.push(Date.now())
        process.kill(serving.pid, 'SIGKILL')
        return next(serving)
      case 'restart':
        return world.restart()
    }
  }
  return {
    serving: () => serving,
    killed: () => killed,
    times: () => times,
    async run(one) {
      const began = Date.now()
      await run(one)
      times[one] = [...(times[one] ?? []), Math.round((Date.now() - began) / 100) / 10]
    },
  }
}

/** Throws with what it said when it fails. */
export async function runtime(args: readonly string[]): Promise<void> {
  const [file, ...rest] = [...command('kmesh-runtime'), ...args]
  const child = spawn(file, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`kmesh-runtime ${args.join(' ')}: exit ${code}: ${said}`)
}
