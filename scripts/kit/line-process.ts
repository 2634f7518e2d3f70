/**
 * A Python helper that answers one JSON line for each JSON line. In: its file, where it runs; out: `ask`.
 * Invariant: answers come in the order of the questions; when the process ends, every open question fails.
 */
import { createInterface } from 'node:readline'
import { undoAtExit } from './cleanup.ts'
import { type Place, start } from './process.ts'
import { python } from './python.ts'

export interface LineProcess {
  readonly pid: number
  ask<T>(question: object): Promise<T>
  stop(): void
}

export function startLineProcess(program: string, place: Place): LineProcess {
  const child = start([python(), program], place, ['pipe', 'pipe', 'inherit'])
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error(`${program} has no pipes`)
  const waiting: { readonly resolve: (line: string) => void; readonly reject: (error: Error) => void }[] = []
  createInterface({ input: stdout }).on('line', (line) => waiting.shift()?.resolve(line))
  stdin.on('error', () => {})
  child.once('exit', (code, signal) => {
    for (const one of waiting.splice(0)) one.reject(new Error(`${program}: exit ${code ?? signal}`))
  })
  const line = (question: object): Promise<string> =>
    new Promise((resolve, reject) => {
      if (child.exitCode !== null || child.signalCode !== null) return reject(new Error(`${program} has ended`))
      waiting.push({ resolve, reject })
      stdin.write(`${JSON.stringify(question)}\n`)
    })
  return {
    pid: child.pid as number,
    ask: async <T>(question: object) => JSON.parse(await line(question)) as T,
    stop: undoAtExit(() => child.kill('SIGKILL')),
  }
}
