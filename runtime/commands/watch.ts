/**
 * `kmesh-runtime watch`: applies what appears in a directory or under a tag of a registry, in the foreground. Each result is told once: a line of text, or with --json a
 * line of JSON (proto/watch.schema.json). SIGTERM and SIGINT end it between two looks, or take back an apply that is not in force yet. With --once it looks once, and
 * the exit code tells whether what was found is in force.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { apply } from '../apply.ts'
import { applyDelta } from '../delta/apply-delta.ts'
import { readyForDeltas } from '../delta/ready.ts'
import { readInForce } from '../in-force.ts'
import { machine } from '../machine.ts'
import { checkInstanceName } from '../pins.ts'
import { noteResult } from '../runtime-counts.ts'
import { readTrust } from '../trust.ts'
import { openBlobCache } from '../watch/blob-cache.ts'
import { readCredentials } from '../watch/credentials.ts'
import { directorySource } from '../watch/directory-source.ts'
import { openRegistry } from '../watch/registry.ts'
import { registrySource } from '../watch/registry-source.ts'
import { readPlace, type Source } from '../watch/source.ts'
import { startWatch, type WatchResult } from '../watch/watch.ts'
import { watchInterruption } from './interruption.ts'
import { codedFindings, type Format, findingText } from './output.ts'
import { bytesText, timeText } from './quantity.ts'

export interface WatchArguments {
  /** a directory or oci:REGISTRY/REPOSITORY:TAG */
  readonly source: string
  readonly instance: string
  /** seconds */
  readonly interval: number
  readonly looks: 'once' | 'again'
  readonly trust?: string
  readonly cgroup?: string
  readonly diverted: 'refuse' | 'pass'
  readonly foreign: 'refuse' | 'allow'
  /** directory of fetched layers; a directory for the instance is made in it */
  readonly cache: string
  readonly transport: 'https' | 'http'
  readonly authfile?: string
  readonly format: Format
}

export async function watchCommand(args: WatchArguments): Promise<number> {
  const interruption = watchInterruption()
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  const opened = openSource(args)
  if (Array.isArray(opened)) return ended(opened, args.format)
  const { instance, diverted, cgroup } = args
  const watch = startWatch({
    source: opened as Source,
    policy: () => readTrust(args.trust),
    inForce: () => readInForce(instance),
    apply: (opened) => {
      const common = {
        instance,
        mode: 'apply' as const,
        host: machine({ foreign: args.foreign, existing: 'count' }),
        steps: interruption.check,
      }
      return opened.kind === 'delta'
        ? applyDelta({ ...common, delta: opened.delta })
        : apply({ ...common, artifact: opened.artifact, diverted, ...(cgroup === undefined ? {} : { cgroup }) })
    },
    findings: codedFindings,
  })
  for (;;) {
    const results = await watch.look()
    for (const result of results) tell(result, args)
    if (args.looks === 'once') return allInForce(results) ? 0 : 1
    if (results.some(({ event }) => event === 'applied' || event === 'in-force')) readyForDeltas(instance)
    await sleep(args.interval * 1000, undefined, { signal: stop.signal }).catch(() => undefined)
    if (stop.signal.aborted) return 0
  }
}

function allInForce(results: readonly WatchResult[]): boolean {
  const inForce = results.some(({ event }) => event === 'applied' || event === 'in-force')
  return inForce && !results.some(({ diagnostics }) => diagnostics.some(({ severity }) => severity === 'error'))
}

/** Or what is wrong with what was asked. */
function openSource(args: WatchArguments): Source | ReturnType<typeof codedFindings> {
  try {
    const place = readPlace(args.source)
    if (place.kind === 'directory') return directorySource(place.path)
    checkInstanceName(args.instance)
    const registry = openRegistry(place, { transport: args.transport, credentials: readCredentials(args.authfile) })
    return registrySource(place, registry, openBlobCache(`${args.cache}/${args.instance}`))
  } catch (error) {
    return codedFindings(error)
  }
}

function ended(diagnostics: ReturnType<typeof codedFindings>, format: Format): number {
  if (format === 'json') process.stdout.write(`${JSON.stringify({ event: 'failed', name: '', milliseconds: 0, diagnostics })}\n`)
  else process.stderr.write(diagnostics.map(findingText).join(''))
  return 1
}

function tell(result: WatchResult, { format, instance }: WatchArguments): void {
  if (result.event === 'refused') noteResult(instance, 'artifact_refused')
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify(result)}\n`)
    return
  }
  process.stderr.write(result.diagnostics.map(findingText).join(''))
  process.stdout.write(`${resultText(result, instance)}\n`)
}

function resultText(result: WatchResult, instance: string): string {
  switch (result.event) {
    case 'nothing-there':
      return 'waiting: nothing is there yet'
    case 'refused':
      return `refused: ${result.name}; it is tried again when it, or the trust policy, changes`
    case 'failed':
      return `failed${result.name === '' ? '' : `: ${result.name}`}; tried again`
    case 'waits':
      return `waits: ${result.name} leads on from another artifact than the one in force`
    case 'held':
      return `held: ${result.name} was rolled back; generation ${result.generation} of instance ${instance} stays in force`
    case 'in-force':
      return `in force already: ${result.name} ${result.digest}, generation ${result.generation} of instance ${instance}`
    case 'applied': {
      const moved = result.moved === undefined ? '' : `, ${result.moved.blobs} layers (${bytesText(result.moved.bytes)}) fetched`
      return `applied: ${result.name} ${result.digest}, generation ${result.generation} of instance ${instance} is in force (${timeText(result.milliseconds)}${moved})`
    }
  }
}
