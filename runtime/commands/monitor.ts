/**
 * `kmesh-runtime monitor`: decisions as they are made, a line each, until SIGTERM or SIGINT or as many as --count says. With --json a line of JSON each (proto/monitor.schema.json); what is missing has lines of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { coded } from '../coded-error.ts'
import { openInstance } from '../held-generation.ts'
import { type Decision, decisionText } from '../monitor/decisions.ts'
import { listen, type Told } from '../monitor/listen.ts'
import { codedFindings, type Format, findingText } from './output.ts'

export interface MonitorArguments {
  readonly instance: string
  /** what a decision has to have, where it is given */
  readonly only: Partial<Pick<Decision, 'listener' | 'cluster' | 'endpoint' | 'reason' | 'kind'>>
  readonly count: number
  readonly format: Format
}

/** Milliseconds between two looks. */
const LOOK = 25

export async function monitorCommand({ instance, only, count, format }: MonitorArguments): Promise<number> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  try {
    const open = openInstance(instance)
    const listening = listen(open)
    try {
      if (format === 'text') process.stderr.write(`listening to instance ${instance}\n`)
      let left = count
      while (left > 0 && !stop.signal.aborted) {
        const told = listening.read()
        process.stdout.write(gapText(told, format))
        const shown = told.decisions.filter((decision) => fits(decision, only)).slice(0, left)
        left -= shown.length
        process.stdout.write(shown.map((decision) => `${format === 'json' ? JSON.stringify(decision) : decisionText(decision)}\n`).join(''))
        if (told.instance === 'gone') throw coded('KM9106', `instance "${instance}" was detached`)
        if (told.decisions.length === 0) await sleep(LOOK, undefined, { signal: stop.signal }).catch(() => undefined)
      }
    } finally {
      listening.close()
      open.tables.close()
    }
    return 0
  } catch (error) {
    const diagnostics = codedFindings(error)
    if (format === 'json') process.stdout.write(`${JSON.stringify({ diagnostics })}\n`)
    else process.stderr.write(diagnostics.map(findingText).join(''))
    return 1
  }
}

function fits(decision: Decision, only: MonitorArguments['only']): boolean {
  return Object.entries(only).every(([field, wanted]) => decision[field as keyof Decision] === wanted)
}

/** What is missing in front of the decisions that follow. */
function gapText({ lost, deaf }: Told, format: Format): string {
  if (lost === 0 && deaf === 0) return ''
  if (format === 'json') return `${JSON.stringify({ lost, deaf })}\n`
  const parts = [
    ...(lost === 0 ? [] : [`${lost} decisions were lost: they came faster than they were read`]),
    ...(deaf === 0 ? [] : [`nothing was told for ${deaf} ms: the output was not read`]),
  ]
  return `-- ${parts.join('; ')}\n`
}
