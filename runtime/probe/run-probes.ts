/**
 * Dials with an expected outcome, made right after a switch. In: probes, the governed cgroup, and a word when the process that dials is in it; out: nothing, or KM9129 for each that failed. Its process is gone then.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { CodedError, coded } from '../coded-error.ts'
import type { FromProber, Probe, ToProber } from './probe.ts'

/** `joined`: its sockets may need a source address that is not known yet. `stop`: ends it all, with its reason. */
export async function runProbes(probes: readonly Probe[], cgroup: string, joined: () => void, stop: AbortSignal): Promise<void> {
  const child = fork(fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './prober.ts' : './prober.js', import.meta.url)), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  stop.addEventListener('abort', () => child.kill('SIGKILL'), { once: true })
  try {
    await ask(child, { kind: 'join', cgroup })
    joined()
    const answer = await ask(child, { kind: 'probe', probes })
    if (answer.kind !== 'done' || answer.failed.length === 0) return
    throw new CodedError(answer.failed.flatMap((fault) => coded('KM9129', fault).findings))
  } catch (error) {
    throw stop.aborted ? stop.reason : error
  } finally {
    child.kill('SIGKILL')
    // the cgroup may have to be removed
    if (child.exitCode === null && child.signalCode === null) await exited
  }
}

async function ask(child: ChildProcess, message: ToProber): Promise<FromProber> {
  child.send(message)
  const ended = new AbortController()
  try {
    const answer = await Promise.race([
      once(child, 'message', { signal: ended.signal }).then(([value]) => value as FromProber),
      once(child, 'exit', { signal: ended.signal }).then((): FromProber => ({ kind: 'broken', why: 'the process that dials has ended' })),
    ])
    if (answer.kind === 'broken') throw coded('KM9129', `the probes could not be made: ${answer.why}`)
    return answer
  } finally {
    ended.abort()
  }
}
