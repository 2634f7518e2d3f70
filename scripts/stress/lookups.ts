/**
 * Asks the kernel for decisions without pause, hundreds of thousands a second (lookups.c). In: the services, where it runs; out: the states that decisions came from, in order, and what was wrong.
 * Invariant: one thread asks, so states come in the order in which they were in force.
 */
import { createInterface } from 'node:readline'
import { compiled } from '../bench/tools.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import { type Place, start } from '../kit/process.ts'

export interface Lookups {
  readonly decisions: number
  /** "STATE.VARIANT", one after the other */
  readonly states: readonly string[]
  readonly wrong: readonly string[]
}

export interface Looking {
  /** Ends it. */
  end(): Promise<Lookups>
}

export function startLookups(place: Place, services: { readonly first: string; readonly port: number; readonly count: number }): Looking {
  const { first, port, count } = services
  const child = start([compiled(new URL('lookups.c', import.meta.url)), first, `${port}`, `${count}`], place, ['pipe', 'pipe', 'inherit'])
  const stop = undoAtExit(() => child.kill('SIGKILL'))
  const states: string[] = []
  const wrong: string[] = []
  let decisions = 0
  if (child.stdin === null || child.stdout === null) throw new Error('lookups has no pipes')
  const { stdin, stdout } = child
  const lines = createInterface({ input: stdout })
  lines.on('line', (line) => {
    const [what, value = ''] = line.split(' ')
    if (what === 'at') states.push(value)
    else if (what === 'end') decisions = Number(value)
    else wrong.push(line)
  })
  const ended = new Promise<void>((resolve) => lines.once('close', resolve))
  return {
    end: async () => {
      stdin.end()
      await ended
      stop()
      return { decisions, states, wrong }
    },
  }
}
