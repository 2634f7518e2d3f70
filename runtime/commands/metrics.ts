/**
 * `kmesh-runtime metrics`: what is counted, as OpenMetrics text on standard output; with --listen over HTTP until SIGTERM or SIGINT. An instance that comes later, or goes, is found again at each reading.
 */
import { isIP } from 'node:net'
import type { OwnerKind } from '../../proto/owner-key.ts'
import { coded } from '../coded-error.ts'
import { openInstance } from '../held-generation.ts'
import { boundOf } from '../metrics/bound.ts'
import { collect } from '../metrics/collect.ts'
import { type Exposition, expositionText } from '../metrics/exposition.ts'
import { createOwnerNames } from '../metrics/owners.ts'
import { serveMetrics } from '../metrics/server.ts'
import { checkInstanceName } from '../pins.ts'
import { finish } from './output.ts'

export interface MetricsArguments {
  readonly instance: string
  /** HOST:PORT; without it once, to standard output */
  readonly listen?: string
  readonly labels: readonly OwnerKind[]
  readonly maxOwners: number
  readonly exposition: Exposition
}

export function metricsCommand(args: MetricsArguments): Promise<number> {
  return finish('text', async () => {
    checkInstanceName(args.instance)
    const names = createOwnerNames()
    const bound = boundOf(args.labels, args.maxOwners)
    const read = (): ReturnType<typeof collect> => collect({ instance: args.instance, bound, names })
    if (args.listen === undefined) {
      // who asks once is told what is wrong
      openInstance(args.instance).tables.close()
      return { json: {}, text: expositionText(await read(), args.exposition), findings: [] }
    }
    const served = await serveMetrics({ ...placeOf(args.listen), read })
    process.stderr.write(`metrics of instance ${args.instance} at http://${served.place}/metrics\n`)
    await new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
    })
    await served.close()
    return { json: {}, text: '', findings: [] }
  })
}

/** "9464", "127.0.0.1:9464", "[::1]:9464", "localhost:9464". */
export function placeOf(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain ?? '127.0.0.1'
  const port = Number(digits)
  const fits = bracketed !== undefined ? isIP(host) === 6 : isIP(host) === 4 || host === 'localhost'
  if (digits === undefined || !fits || port > 65_535) throw coded('KM9602', `--listen ${text} is not ADDRESS:PORT`)
  return { host, port }
}
