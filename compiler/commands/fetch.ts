/** `kmeshc fetch`: what one node gets from an ADS server, as a snapshot. JSON: proto/fetch.schema.json. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import type { Diagnostics } from '../diag/diagnostic.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { delta } from '../fetch/delta.ts'
import { type Fetched, fetchResources, ordered } from '../fetch/fetch.ts'
import { createJudge } from '../fetch/judge.ts'
import { KINDS } from '../fetch/kinds.ts'
import type { Node } from '../fetch/messages.ts'
import { fetchCounts, reportFetch } from '../fetch/report.ts'
import { snapshotText } from '../fetch/snapshot-text.ts'
import { stateOfTheWorld } from '../fetch/sotw.ts'
import type { Target } from '../fetch/stream.ts'
import { envoySchema } from '../input/schema.ts'
import { reason } from '../sources.ts'
import { type FetchArguments, jsonObject } from './fetch-options.ts'
import { startFetchProgress } from './fetch-progress.ts'
import { findings, finish } from './report.ts'

export async function fetchCommand(args: FetchArguments, version: string): Promise<number> {
  const diag = createDiagnostics()
  const end = (result?: Readonly<Record<string, unknown>>): number =>
    finish({ diag, locate: () => undefined, json: args.json, strict: args.strict, ...(result && { result }) })
  const target = targetOf(args, diag)
  const node = nodeOf(args, version, diag)
  if (diag.failed) return end()
  // grpc-js gives an IP address as TLS server name, of which Node warns; nobody here can change that
  process.noDeprecation = true
  const progress = startFetchProgress()
  const fetched = await fetchResources({
    target,
    node,
    dialect: args.delta ? delta : stateOfTheWorld,
    judge: createJudge(envoySchema()),
    timeoutMs: args.timeout * 1000,
    retries: args.retries,
    progress: progress.show,
  })
  progress.end()
  reportFetch(fetched, diag)
  const result = { server: args.server, mode: args.delta ? 'delta' : 'state of the world', ...fetchCounts(fetched) }
  const refused = findings({ diag, locate: () => undefined, strict: args.strict }).some(({ severity }) => severity === 'error')
  if (refused) return end(result)
  const written = await writeSnapshot(args.output, fetched, diag)
  if (written === undefined) return end(result)
  const code = end({ ...result, snapshot: { file: args.output, ...written } })
  if (!args.json && args.output !== '-') process.stdout.write(`${args.output}  ${written.digest.slice(0, 19)}  ${counted(fetched)}\n`)
  return code
}

function targetOf(args: FetchArguments, diag: Diagnostics): Target {
  const { tls, ca, cert, key, serverName } = args
  const wanted = tls || ca !== undefined || cert !== undefined || serverName !== undefined
  const headers = args.header.map((one) => {
    const colon = one.indexOf(':')
    return [one.slice(0, colon).toLowerCase(), one.slice(colon + 1).trim()] as const
  })
  const read = (file: string | undefined): Buffer | undefined => (file === undefined ? undefined : readOne(file, diag))
  return {
    server: args.server,
    tls: wanted ? { ca: read(ca), cert: read(cert), key: read(key), serverName } : undefined,
    headers,
  }
}

function nodeOf(args: FetchArguments, version: string, diag: Diagnostics): Node {
  const [region, zone, subZone] = args.locality?.split('/') ?? []
  return {
    id: args.nodeId,
    ...(args.nodeCluster !== undefined && { cluster: args.nodeCluster }),
    ...(args.nodeMetadata !== undefined && { metadata: metadataOf(args.nodeMetadata, diag) }),
    ...(region !== undefined && {
      locality: { region, ...(zone !== undefined && { zone }), ...(subZone !== undefined && { sub_zone: subZone }) },
    }),
    user_agent_name: 'kmeshc',
    user_agent_version: version,
  }
}

function metadataOf(given: string, diag: Diagnostics): Readonly<Record<string, unknown>> {
  const text = given.startsWith('@') ? readOne(given.slice(1), diag)?.toString('utf8') : given
  if (text === undefined) return {}
  const metadata = jsonObject(text)
  if (metadata !== undefined) return metadata
  diag.report({
    code: 'KM1003',
    severity: 'error',
    path: '',
    message: `"${given.slice(1)}" holds no JSON object`,
    fix: 'write the metadata of the node as one JSON object',
  })
  return {}
}

function readOne(file: string, diag: Diagnostics): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch (error) {
    diag.report({ code: 'KM1001', severity: 'error', path: '', message: `"${file}" cannot be read: ${reason(error)}` })
    return undefined
  }
}

/** Beside the target and then renamed, so that a reader sees the old snapshot or the new one. */
async function writeSnapshot(
  output: string,
  { collection }: Fetched,
  diag: Diagnostics,
): Promise<{ readonly bytes: number; readonly digest: string } | undefined> {
  const hash = createHash('sha256')
  let bytes = 0
  const pieces = function* (): Generator<Buffer> {
    for (const text of snapshotText(ordered(collection).map(({ json }) => json))) {
      const piece = Buffer.from(text)
      hash.update(piece)
      bytes += piece.length
      yield piece
    }
  }
  if (output === '-') for (const piece of pieces()) process.stdout.write(piece)
  else if (!(await writeFile(output, pieces(), diag))) return undefined
  return { bytes, digest: `sha256:${hash.digest('hex')}` }
}

async function writeFile(output: string, pieces: Iterable<Buffer>, diag: Diagnostics): Promise<boolean> {
  const partial = `${output}.${process.pid}.partial`
  try {
    const file = await open(partial, 'w')
    try {
      for (const piece of pieces) await file.writeFile(piece)
    } finally {
      await file.close()
    }
    await rename(partial, output)
    return true
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined)
    diag.report({ code: 'KM1802', severity: 'error', path: '', message: `"${output}" cannot be written: ${reason(error)}` })
    return false
  }
}

function counted({ collection }: Fetched): string {
  const counts = new Map(collection.counts().map(({ kind, held }) => [kind, held]))
  return KINDS.filter(({ kind }) => (counts.get(kind) ?? 0) > 0 || kind === 'cds' || kind === 'lds')
    .map(({ kind, title }) => `${counts.get(kind)} ${title}`)
    .join(', ')
}
