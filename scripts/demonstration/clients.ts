/**
 * Ordinary clients in the governed cgroup. In: what to dial and how often; out: how many requests went wrong, as the client itself says.
 * Where connections are steered, every request is one of its own: the choice of an endpoint is made once for each.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findCgroup2 } from '../../runtime/sys/mountinfo.ts'
import { command } from '../commands.ts'
import { emptyCgroup, waitUntil } from '../kit/cgroup.ts'

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const running = new Set<ChildProcess>()

/** Runs a command through `kmesh-runtime exec`, which starts it inside the governed cgroup. */
export function governed(instance: string, argv: readonly string[]): Promise<Ran> {
  const [file, ...rest] = [...command('kmesh-runtime'), 'exec', '--instance', instance, '--', ...argv]
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const text = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    text.stdout += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    text.stderr += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      running.delete(child)
      resolve({ code, ...text })
    })
  })
}

export interface Load {
  readonly requests: number
  readonly failed: number
  /** how, in the client's words; empty where nothing did */
  readonly how: readonly string[]
}

/** `count` requests with curl, one after the other. */
export async function curl(instance: string, place: string, count: number): Promise<Load> {
  const argv = [
    'curl',
    '-s',
    '-H',
    'Connection: close',
    '--connect-timeout',
    '5',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}\\n',
    `http://${place}/[1-${count}]`,
  ]
  const { stdout } = await governed(instance, argv)
  const answered = stdout.split('\n').filter((line) => line === '200').length
  return { requests: count, failed: count - answered, how: answered === count ? [] : [`${count - answered} without 200`] }
}

/** As many requests as go in that time with wrk, eight at once: with a connection for each of them, or with eight that are kept. */
export async function wrk(instance: string, place: string, seconds: number, connections: 'each' | 'kept' = 'each'): Promise<Load> {
  const { code, stdout, stderr } = await governed(instance, [
    'wrk',
    '-t1',
    '-c8',
    `-d${seconds}s`,
    // a request that waits for the next node process has not failed
    '--timeout',
    '20s',
    ...(connections === 'each' ? ['-H', 'Connection: close'] : []),
    `http://${place}/`,
  ])
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? Number.NaN)
  if (code !== 0 || Number.isNaN(requests)) throw new Error(`wrk ended with ${code}: ${stderr || stdout}`)
  const told = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? []
  const other = /Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? '0'
  const counts = [...told, other].map(Number)
  const kinds = [...(told.length > 0 ? ['connect', 'read', 'write', 'timeout'] : []), 'status']
  return {
    requests,
    failed: counts.reduce((sum, count) => sum + count, 0),
    how: kinds.flatMap((kind, at) => ((counts[at] ?? 0) > 0 ? [`${kind} ${counts[at]}`] : [])),
  }
}

/**
 * Ends clients, after an interruption. Those we started go first, for one that is starting
 * enters the cgroup only afterwards; then whatever they left in it.
 */
export function endClients(instance: string): void {
  for (const child of running) child.kill('SIGKILL')
  waitUntil(() => [...running].every(isGone))
  const cgroup = join(findCgroup2() ?? '', 'kmesh', instance)
  if (existsSync(cgroup)) emptyCgroup(cgroup)
}

/** Whether it ended: its exit status stays unread while this process does not return to its event loop. */
function isGone({ pid }: ChildProcess): boolean {
  const stat = pid === undefined || !existsSync(`/proc/${pid}`) ? '' : readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat === '' || /\) [ZX] /.test(stat)
}
