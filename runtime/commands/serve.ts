/**
 * `kmesh-runtime serve`: the node process, in the foreground. Progress goes to standard error. SIGTERM and SIGINT end connections and holder, SIGHUP ends this
 * process alone; a second signal ends everything at once. JSON: proto/serve.schema.json, printed at the end.
 */
import { apply } from '../apply.ts'
import { applyDelta } from '../delta/apply-delta.ts'
import { coded } from '../coded-error.ts'
import { machine } from '../machine.ts'
import { openTrustedOrDelta, type TrustedFile } from '../open-trusted.ts'
import { notingRefusal } from '../runtime-counts.ts'
import { readInForce } from '../in-force.ts'
import { readKeptServices, servicesOf } from '../serve/kept-services.ts'
import { removeHolderCgroup } from '../serve/holder-place.ts'
import { observedCgroups } from '../serve/observe.ts'
import { type Retired, retireHolder } from '../serve/retire-holder.ts'
import { type Stop, serve } from '../serve/serve.ts'
import { createSlowLane } from '../slow/create-slow-lane.ts'
import { type Format, finish, type Result } from './output.ts'

export interface ServeArguments {
  readonly instance: string
  readonly artifact?: string
  /** file or directory of public keys */
  readonly trust?: string
  /** cgroups of servers on this node */
  readonly observe: readonly string[]
  /** cgroups of clients whose requests user space serves */
  readonly optOut: readonly string[]
  /** 'stop': takes over from whoever serves, and ends everything */
  readonly mode: 'serve' | 'stop'
  /** HOST:PORT */
  readonly waypoint?: string
  readonly format: Format
}

export function serveCommand(args: ServeArguments): Promise<number> {
  return finish(args.format, async () => {
    const { instance } = args
    if (args.mode === 'stop') return stopped(instance, await retireHolder(instance, 'serve', STOP_WITHIN))
    const stop = watchSignals()
    const named = { servers: observedCgroups(args.observe), optedOut: observedCgroups(args.optOut) }
    const opened =
      args.artifact === undefined ? undefined : notingRefusal(instance, () => openTrustedOrDelta(args.artifact as string, args.trust))
    const artifact = opened?.kind === 'artifact' ? opened.artifact : undefined
    const waypoint = args.waypoint === undefined ? undefined : readPlace(args.waypoint)
    const say = (line: string): void => void process.stderr.write(`${line}\n`)
    if (opened !== undefined) await applyFirst(opened, instance, say)
    await serve({
      instance,
      named,
      say,
      stop,
      lane: (open, digest, bucket, counts) =>
        createSlowLane({
          open,
          bucket,
          inForce: digest,
          services: () => {
            const current = digest()
            return artifact?.digest === current ? servicesOf(artifact) : readKeptServices(instance, current)
          },
          ...(waypoint === undefined ? {} : { waypoint }),
          ...(counts === null ? {} : { counts }),
        }),
    })
    return { json: { instance }, text: '', findings: [] }
  })
}

/** Unless it is in force, or what a delta leads to is. */
async function applyFirst(opened: TrustedFile, instance: string, say: (line: string) => void): Promise<void> {
  const wanted = opened.kind === 'delta' ? opened.delta.config.result : opened.artifact.digest
  if (readInForce(instance)?.digest === wanted) return
  const common = { instance, mode: 'apply', host: machine({ foreign: 'refuse', existing: 'count' }) } as const
  const { generation } =
    opened.kind === 'delta'
      ? await applyDelta({ ...common, delta: opened.delta })
      : await apply({ ...common, artifact: opened.artifact, diverted: 'refuse' })
  say(`generation ${generation} of instance ${instance} is in force`)
}

/** Longest that connections keep the holder. */
const STOP_WITHIN = 10_000

async function stopped(instance: string, retired: Retired): Promise<Result> {
  await removeHolderCgroup(instance)
  return {
    json: { instance },
    text: retired === 'ended' ? `nobody serves instance ${instance} any more\n` : `nobody served instance ${instance}\n`,
    findings: [],
  }
}

function readPlace(text: string): { readonly address: string; readonly port: number } {
  const [, address, port] = /^(?:\[([^\]]+)\]|[^:]+):(\d{1,5})$/.test(text) ? (/^(.+):(\d+)$/.exec(text) ?? []) : []
  if (address === undefined || Number(port) < 1 || Number(port) > 65535) throw coded('KM9303', `--waypoint ${text} is not HOST:PORT`)
  return { address: address.replace(/^\[|\]$/g, ''), port: Number(port) }
}

function watchSignals(): Stop {
  let first: (how: 'stop' | 'leave') => void = () => undefined
  let second: () => void = () => undefined
  const asked = new Promise<'stop' | 'leave'>((resolve) => {
    first = resolve
  })
  const atOnce = new Promise<void>((resolve) => {
    second = resolve
  })
  let count = 0
  const note = (how: 'stop' | 'leave'): void => {
    if (count++ === 0) first(how)
    else second()
  }
  process.on('SIGTERM', () => note('stop'))
  process.on('SIGINT', () => note('stop'))
  process.on('SIGHUP', () => note('leave'))
  return { asked, atOnce }
}
