/**
 * `kmeshc watch` as a test uses it. In: its arguments. Out: its events, one at a time, and its end. The process is ended when the test is, whatever happens.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { WatchEvent } from '../../compiler/commands/watch-text.ts'
import type { Socket } from 'node:net'
import { command } from '../commands.ts'
import { undoAtExit } from './cleanup.ts'

export interface Watching {
  /** the next event; fails when none comes */
  event(): Promise<WatchEvent>
  /** sends the signal and gives the exit code */
  end(signal: 'SIGINT' | 'SIGTERM'): Promise<number | null>
}

const SECONDS = 120

export function startWatching(args: readonly string[]): Watching {
  const [program, ...rest] = [...command('kmeshc'), 'watch', '--json', ...args]
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve))
  undoAtExit(() => child.kill('SIGKILL'))
  child.unref()
  ;(child.stdout as Socket).unref()
  const lines: string[] = []
  let wake: (() => void) | undefined
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    wake?.()
  })
  return {
    async event() {
      for (const until = Date.now() + SECONDS * 1000; lines.length === 0; ) {
        if (Date.now() > until || child.exitCode !== null) throw new Error(`kmeshc watch says nothing (exit code ${child.exitCode})`)
        await new Promise<void>((resolve) => {
          wake = resolve
          setTimeout(resolve, 200)
        })
      }
      return JSON.parse(lines.shift() as string) as WatchEvent
    },
    end(signal) {
      child.ref()
      child.kill(signal)
      return exit
    },
  }
}
