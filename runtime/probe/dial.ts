/**
 * One probe, carried out by a process of the governed cgroup. In: a probe; out: nothing, or what was seen instead of what it expects. The endpoint that a connection was given is what the
 * kernel's own list of sockets says of the peer: getpeername shows the address that was dialled.
 */
import { createSocket } from 'node:dgram'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { placeText } from '../socket-address.ts'
import { namespacesOf } from '../sys/netns.ts'
import { openSocketDiag, type Protocol } from '../sys/socket-diag.ts'
import { isErrno } from '../sys/system-error.ts'
import type { Probe } from './probe.ts'

const WITHIN = 1000

interface Place {
  readonly host: string
  readonly port: number
}

export function placeOf(dial: string): Place | undefined {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(dial)
  const port = Number(found?.[3])
  return found === null || port < 1 || port > 65535 ? undefined : { host: found[1] ?? (found[2] as string), port }
}

/** undefined: as expected. */
export async function carryOut(probe: Probe): Promise<string | undefined> {
  for (let time = 1; time <= (probe.times ?? 1); time++) {
    const fault = await once(probe)
    if (fault !== undefined)
      return `${probe.name ?? probe.dial}: ${fault}${(probe.times ?? 1) > 1 ? ` (dial ${time} of ${probe.times})` : ''}`
  }
  return undefined
}

async function once(probe: Probe): Promise<string | undefined> {
  const place = placeOf(probe.dial)
  if (place === undefined) return 'is no place to dial'
  if (probe.request !== undefined || probe.response !== undefined) return ask(probe, place)
  const expect = probe.expect ?? 'connected'
  const seen = await (probe.protocol === 'udp' ? dialUdp : dialTcp)(place, probe.within ?? WITHIN)
  if (expect === 'refused')
    return seen.kind === 'failed' && seen.code === 'ECONNREFUSED' ? undefined : `expected to be refused: ${seenText(seen)}`
  if (seen.kind === 'failed') return `expected to be connected: ${seenText(seen)}`
  if (expect === 'connected' || expect.endpoints.includes(seen.endpoint)) return undefined
  return `expected ${expect.endpoints.join(' or ')}: ${seenText(seen)}`
}

type Seen = { readonly kind: 'connected'; readonly endpoint: string } | { readonly kind: 'failed'; readonly code: string }

function seenText(seen: Seen): string {
  return seen.kind === 'connected' ? `connected to ${seen.endpoint}` : seen.code
}

function dialTcp(place: Place, within: number): Promise<Seen> {
  return new Promise((resolve) => {
    const socket: Socket = connect(place)
    const end = (seen: Seen): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(seen)
    }
    const timer = setTimeout(() => end({ kind: 'failed', code: `no answer in ${within} ms` }), within)
    socket.once('connect', () => end({ kind: 'connected', endpoint: peerOf('tcp', socket.localPort ?? 0) }))
    socket.once('error', (error) => end({ kind: 'failed', code: codeOf(error) }))
  })
}

function dialUdp({ host, port }: Place): Promise<Seen> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    const end = (seen: Seen): void => {
      socket.close()
      resolve(seen)
    }
    socket.once('error', (error) => end({ kind: 'failed', code: codeOf(error) }))
    socket.once('connect', () => end({ kind: 'connected', endpoint: peerOf('udp', socket.address().port) }))
    socket.connect(port, host)
  })
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}

function peerOf(protocol: Protocol, port: number): string {
  const [own] = namespacesOf([]).namespaces
  if (own === undefined) return 'nobody'
  const entered = openSocketDiag(own)
  if (entered.kind !== 'entered') return 'an endpoint that cannot be seen'
  try {
    const row = entered.value.dump(protocol).find(({ sourcePort, peerPort }) => sourcePort === port && peerPort !== 0)
    return row === undefined ? 'nobody' : placeText({ address: row.peer, port: row.peerPort })
  } catch (error) {
    if (isErrno(error, 'EPERM', 'EACCES')) return 'an endpoint that cannot be seen'
    throw error
  } finally {
    entered.value.close()
  }
}

function ask({ request, response, within = WITHIN }: Probe, { host, port }: Place): Promise<string | undefined> {
  return new Promise((resolve) => {
    const sent = httpRequest(
      {
        host,
        port,
        method: request?.method ?? 'GET',
        path: request?.path ?? '/',
        headers: request?.headers ?? {},
        agent: false,
        timeout: within,
      },
      (answer) => {
        const pieces: Buffer[] = []
        answer.on('data', (piece: Buffer) => pieces.push(piece))
        answer.once('end', () =>
          end(unlike(response ?? {}, answer.statusCode ?? 0, answer.headers, Buffer.concat(pieces).toString('utf8'))),
        )
      },
    )
    const timer = setTimeout(() => end(`no response in ${within} ms`), within)
    const end = (fault: string | undefined): void => {
      clearTimeout(timer)
      sent.destroy()
      resolve(fault)
    }
    sent.once('error', (error) => end(`expected a response: ${codeOf(error)}`))
    sent.end()
  })
}

function unlike(
  { status, headers = {}, body }: NonNullable<Probe['response']>,
  seen: number,
  answered: Readonly<Record<string, string | readonly string[] | undefined>>,
  text: string,
): string | undefined {
  if (status !== undefined && status !== seen) return `expected status ${status}: ${seen}`
  for (const [name, value] of Object.entries(headers)) {
    const found = answered[name.toLowerCase()]
    if (found !== value) return `expected ${name}: ${value}: ${found === undefined ? 'it has no such header' : String(found)}`
  }
  return body === undefined || text.includes(body)
    ? undefined
    : `expected a body with ${JSON.stringify(body)}: ${JSON.stringify(text.slice(0, SHOWN))}`
}

const SHOWN = 80
