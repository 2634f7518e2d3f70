/** Options of `kmeshc fetch`. In: yargs' command; out: the same with options and what makes them wrong usage. */
import type { Argv } from 'yargs'

export interface FetchArguments {
  readonly server: string
  readonly nodeId: string
  readonly output: string
  readonly delta: boolean
  readonly nodeCluster?: string | undefined
  readonly nodeMetadata?: string | undefined
  readonly locality?: string | undefined
  readonly tls: boolean
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly serverName?: string | undefined
  readonly header: readonly string[]
  readonly timeout: number
  readonly retries: number
  readonly strict: boolean
  readonly json: boolean
}

const HOST_AND_PORT = /^(?:\[[0-9a-fA-F:.%]+\]|[^\s:/[\]]+):(\d{1,5})$/
const HEADER = /^[0-9a-z_.-]+:\s*[\x20-\x7e]*$/i
const MOST_SECONDS = 3600
const MOST_RETRIES = 100

export function fetchOptions<T>(command: Argv<T>) {
  return command
    .option('server', {
      type: 'string',
      requiresArg: true,
      demandOption: true,
      describe: 'the ADS server: HOST:PORT, [IPV6]:PORT or unix:PATH',
    })
    .option('node-id', { type: 'string', requiresArg: true, demandOption: true, describe: 'the node whose configuration is asked for' })
    .option('output', {
      alias: 'o',
      type: 'string',
      requiresArg: true,
      demandOption: true,
      describe: 'where the snapshot goes; - is standard output',
    })
    .option('delta', { type: 'boolean', default: false, describe: 'delta xDS in place of state of the world' })
    .option('node-cluster', { type: 'string', requiresArg: true, describe: "the node's service cluster" })
    .option('node-metadata', { type: 'string', requiresArg: true, describe: "the node's metadata: a JSON object, or @FILE that holds one" })
    .option('locality', { type: 'string', requiresArg: true, describe: 'REGION, REGION/ZONE or REGION/ZONE/SUBZONE' })
    .option('tls', { type: 'boolean', default: false, describe: 'TLS, also without any of the next four (plain text is the default)' })
    .option('ca', { type: 'string', requiresArg: true, describe: 'PEM file of the certificates that are trusted' })
    .option('cert', { type: 'string', requiresArg: true, describe: "PEM file of the client's certificate" })
    .option('key', { type: 'string', requiresArg: true, describe: "PEM file of the client's private key" })
    .option('server-name', { type: 'string', requiresArg: true, describe: "the name in the server's certificate" })
    .option('header', {
      alias: 'H',
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
      describe: 'gRPC metadata, e.g. "authorization: Bearer ..."',
    })
    .option('timeout', { type: 'number', default: 15, describe: 'seconds to wait for each kind of resource' })
    .option('retries', { type: 'number', default: 4, describe: 'further attempts to connect, ever more slowly' })
    .option('strict', { type: 'boolean', default: false, describe: 'warnings are errors' })
    .check((args) => {
      const wrong = mistake(args as unknown as FetchArguments)
      if (wrong !== undefined) throw wrong
      return true
    })
}

/** yargs makes a list of what is given twice. */
const ONCE = [
  'server',
  'node-id',
  'output',
  'node-cluster',
  'node-metadata',
  'locality',
  'ca',
  'cert',
  'key',
  'server-name',
  'timeout',
  'retries',
]

function mistake(args: FetchArguments): string | undefined {
  const twice = ONCE.find((name) => Array.isArray((args as unknown as Readonly<Record<string, unknown>>)[name]))
  if (twice !== undefined) return `give --${twice} once`
  const port = HOST_AND_PORT.exec(args.server)?.[1]
  if (!/^unix:./.test(args.server) && !(Number(port) >= 1 && Number(port) <= 65535))
    return `--server takes HOST:PORT or unix:PATH, not "${args.server}"`
  if (args.nodeId === '') return '--node-id must not be empty'
  if (args.output === '') return 'give -o FILE'
  if (args.output === '-' && args.json) return '-o - and --json both want standard output'
  if ((args.cert === undefined) !== (args.key === undefined)) return '--cert and --key go together'
  if (!(args.timeout > 0 && args.timeout <= MOST_SECONDS)) return `--timeout takes seconds, up to ${MOST_SECONDS}`
  if (!(Number.isInteger(args.retries) && args.retries >= 0 && args.retries <= MOST_RETRIES))
    return `--retries takes a whole number up to ${MOST_RETRIES}`
  if (args.locality !== undefined && args.locality.split('/').length > 3) return '--locality takes REGION/ZONE/SUBZONE'
  if (args.header.some((one) => !HEADER.test(one))) return '--header takes "NAME: VALUE"'
  const metadata = args.nodeMetadata
  if (metadata !== undefined && !metadata.startsWith('@') && jsonObject(metadata) === undefined)
    return '--node-metadata takes a JSON object'
  return undefined
}

export function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
