/**
 * HTTP requests with curl, over one connection that is kept. In: where curl runs, a place to dial, a request, how often. Out: what curl saw of each answer;
 * the servers of the demo say in x-server who they are and in x-asked which path reached them.
 */
import { start, type Place as Where } from '../kit/process.ts'

export interface Request {
  readonly method: string
  /** of the Host header */
  readonly authority: string
  readonly path: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

export interface Answer {
  /** 0: none */
  readonly status: number
  readonly location: string
  /** empty: no server of the demo answered */
  readonly server: string
  readonly path: string
  /** of curl: 0, or 7 where nobody accepted, 28 for no answer in time, 52 and 56 for an end or a reset before it */
  readonly exitCode: number
}

/** Seconds for one answer: one that waits for the next node process, which a busy machine starts late, has not failed. */
const PATIENCE = '20'
const FORMAT = '%{http_code}\\t%header{location}\\t%header{x-server}\\t%header{x-asked}\\t%{exitcode}\\n'

/** `place`: "address:port" that is dialled */
export async function ask(where: Where, place: string, request: Request, times: number): Promise<readonly Answer[]> {
  const { method, authority, path, headers } = request
  const transfer = ['-o', '/dev/null', `http://${place}${path}`]
  const child = start(
    [
      'curl',
      '-sg',
      '--path-as-is',
      ...['--max-time', PATIENCE],
      ...(method === 'HEAD' ? ['-I'] : ['-X', method]),
      ...['-H', `Host: ${authority}`],
      ...headers.flatMap(([name, value]) => ['-H', value === '' ? `${name};` : `${name}: ${value}`]),
      ...['-w', FORMAT],
      ...Array.from({ length: times }, () => transfer).flat(),
    ],
    where,
    ['ignore', 'pipe', 'inherit'],
  )
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [status, location = '', server = '', seen = '', exitCode] = line.split('\t')
      return { status: Number(status), location, server, path: seen, exitCode: Number(exitCode) }
    })
}
