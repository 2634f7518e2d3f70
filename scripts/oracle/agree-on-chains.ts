/**
 * Random filter chains before the interpreter and a real Envoy. In: a seed and how many listeners. Out: how many connections were judged, and where the two do
 * not agree: refused or taken, which chain a connection meets. Invariant: nothing leaves loopback.
 */
import { connect } from 'node:net'
import { judge, understand } from '../../compiler/compile.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { readInput } from '../../compiler/input/read.ts'
import { createEntrances } from '../../compiler/trace/choose-entry.ts'
import { readListeners } from '../../compiler/trace/listeners.ts'
import { traceRoutes } from '../../compiler/trace/trace-routes.ts'
import { clientHello } from './client-hello.ts'
import { type JsonObject, startEnvoy } from './envoy.ts'
import { type ChainCase, type ChainConnection, randomChains } from './random-chains.ts'

export interface ChainReport {
  /** listeners that both refuse */
  refused: number
  connections: number
  readonly wrong: string[]
}

/** `port`: three for each listener from there on */
export async function agreeOnChains({
  seed,
  count,
  port,
}: {
  readonly seed: number
  readonly count: number
  readonly port: number
}): Promise<ChainReport> {
  const cases = Array.from({ length: count }, (_, index) => {
    const first = port + 3 * index
    return randomChains(seed, index, [first, first + 1, first + 2])
  })
  const quiet = ['--component-log-level', 'misc:critical,config:critical']
  const envoy = await startEnvoy({ listeners: cases.map(({ listener }) => listener), clusters: [], within: 60, argv: quiet })
  try {
    const errors = await refusals(() => envoy.admin('/config_dump?resource=dynamic_listeners&mask=name,error_state.details'))
    const report: ChainReport = { refused: 0, connections: 0, wrong: [] }
    for (const [index, one] of cases.entries()) await judgeListener(one, errors.get(`L${index}`), report)
    return report
  } finally {
    await envoy.stop()
  }
}

async function refusals(dump: () => Promise<string>): Promise<ReadonlyMap<string, string>> {
  const { configs = [] } = JSON.parse(await dump()) as {
    readonly configs?: readonly { readonly name: string; readonly error_state?: { readonly details: string } }[]
  }
  if (configs.length === 0) throw new Error('Envoy has not looked at single listeners')
  return new Map(configs.flatMap(({ name, error_state }) => (error_state === undefined ? [] : [[name, error_state.details] as const])))
}

async function judgeListener({ listener, connections }: ChainCase, error: string | undefined, report: ChainReport): Promise<void> {
  const matches = JSON.stringify((listener.filter_chains as readonly JsonObject[]).map((chain) => chain.filter_chain_match))
  const { find, errors } = readCase(listener)
  if (error !== undefined || errors.length > 0) {
    if (error !== undefined && errors.length > 0) report.refused++
    else report.wrong.push(`${String(listener.name)}: Envoy ${error ?? 'takes it'}, ${errors.join('; ') || 'taken'}: ${matches}`)
    return
  }
  // one after the other: some of them want the same port
  for (const one of connections) {
    const met = await dial(one)
    if (met === undefined) continue
    report.connections++
    const got = find(one, met.fromPort)
    if (got !== met.chain) report.wrong.push(`${String(listener.name)} ${JSON.stringify(one)}: "${got}", Envoy "${met.chain}": ${matches}`)
  }
}

interface ReadCase {
  readonly errors: readonly string[]
  /** name of the chain, '' for none */
  find(connection: ChainConnection, fromPort: number): string
}

function readCase(listener: JsonObject): ReadCase {
  const diag = createDiagnostics()
  const resource = { '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener', ...listener }
  const input = readInput([{ name: 'listener.json', bytes: Buffer.from(JSON.stringify([resource])) }], diag)
  understand(input, { resolve: new Map(), addresses: [], plaintextTo: new Set(), strict: false }, diag, () => {})
  judge(input, diag, () => {})
  const find = createEntrances(readListeners(input.resources), traceRoutes(input.resources))
  return {
    errors: diag.list.filter(({ severity }) => severity === 'error').map(({ code, message }) => `${code} ${message}`),
    find({ to, port, from, serverName }, fromPort) {
      const at = (address: string, number: number): string => (address.includes(':') ? `[${address}]:${number}` : `${address}:${number}`)
      const { place } = find({
        method: 'GET',
        authority: serverName ?? 'a',
        path: '/',
        headers: [],
        scheme: serverName === undefined ? 'http' : 'https',
        source: at(from, fromPort),
        destination: at(to, port),
      })
      return 'chain' in place ? (place.chain?.name ?? '') : ''
    },
  }
}

const PATIENCE = 3000

/** What the chain answered; undefined: the client's port was taken. */
async function dial({
  to,
  port,
  from,
  fromPort,
  serverName,
}: ChainConnection): Promise<{ readonly chain: string; readonly fromPort: number } | undefined> {
  const bytes = serverName === undefined ? Buffer.from('GET / HTTP/1.1\r\nhost: a\r\n\r\n') : await clientHello(serverName, ['http/1.1'])
  return new Promise((resolve) => {
    let text = ''
    let own: number | undefined
    const socket = connect({ host: to, port, localAddress: from, ...(fromPort !== 0 && { localPort: fromPort }) })
    socket.setTimeout(PATIENCE, () => socket.destroy())
    socket.on('connect', () => {
      own = socket.localPort
      socket.write(bytes)
    })
    socket.on('data', (data: Buffer) => {
      text += data.toString()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(own === undefined ? undefined : { chain: text, fromPort: own }))
  })
}
