/**
 * The request and the dial of a test. In: decoded YAML. Out: what the interpreters take. Errors: Mistake.
 */
import { isIP } from 'node:net'
import type { HeaderPair, RequestLine } from '../http/request.ts'
import { Mistake, type NodePath, objectOf, textOf } from './mistake.ts'
import type { DialTest } from './route-test.ts'

export interface RequestDefaults {
  readonly routeConfig?: string
  readonly headers?: unknown
}

const FIELDS = ['method', 'authority', 'path', 'scheme', 'headers', 'source', 'destination', 'random', 'route_config']

export function readRequest(
  value: unknown,
  at: NodePath,
  defaults: RequestDefaults,
): { readonly request: RequestLine; readonly routeConfig: string | undefined } {
  const form = typeof value === 'string' ? shorthand(value, at) : objectOf(value, at, FIELDS)
  const text = (name: string): string | undefined => (form[name] === undefined ? undefined : textOf(form[name], [...at, name]))
  const [scheme, source, destination] = [text('scheme'), text('source'), text('destination')]
  const random = form.random
  if (random !== undefined && (typeof random !== 'number' || random < 0 || random >= 1))
    throw new Mistake([...at, 'random'], '"random" is at least 0 and less than 1')
  const request = {
    method: text('method') ?? 'GET',
    authority: text('authority') ?? '',
    path: text('path') ?? '/',
    headers: [...readHeaders(defaults.headers, at), ...readHeaders(form.headers, [...at, 'headers'])],
    ...(scheme !== undefined && { scheme }),
    ...(source !== undefined && { source }),
    ...(destination !== undefined && { destination }),
    ...(random !== undefined && { random: random as number }),
  }
  return { request, routeConfig: text('route_config') ?? defaults.routeConfig }
}

/** "GET http://reviews:9080/api?x=1" or "http://reviews:9080/api" */
function shorthand(text: string, at: NodePath): Readonly<Record<string, unknown>> {
  const match = /^(?:([A-Za-z]+)\s+)?(?:(https?):\/\/)?([^/?#\s]*)([/?][^\s]*)?$/.exec(text.trim())
  if (match === null) throw new Mistake(at, `${JSON.stringify(text)} is not of the form "METHOD http://host:port/path"`)
  const [, method, scheme, authority, path] = match
  return {
    method: method ?? 'GET',
    authority,
    path: path === undefined ? '/' : path.startsWith('/') ? path : `/${path}`,
    ...(scheme === 'https' && { scheme }),
  }
}

/** A map from name to a value or a list of values, or a list of [name, value]. */
function readHeaders(value: unknown, at: NodePath): readonly HeaderPair[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) {
    return value.map((pair, index) => {
      if (!Array.isArray(pair) || pair.length !== 2) throw new Mistake([...at, index], 'a header in a list is [name, value]')
      return [textOf(pair[0], [...at, index]), textOf(pair[1], [...at, index])] as const
    })
  }
  if (typeof value !== 'object') throw new Mistake(at, '"headers" is a map from name to value, or a list of [name, value]')
  return Object.entries(value).flatMap(([name, item]) =>
    (Array.isArray(item) ? item : [item]).map((one) => [name, textOf(one, [...at, name])] as const),
  )
}

/** `address` with or without its port */
export function readDial(value: unknown, at: NodePath): DialTest['dial'] {
  const form = objectOf(value, at, ['protocol', 'address', 'port', 'source', 'socket'])
  const protocol = form.protocol ?? 'tcp'
  if (protocol !== 'tcp' && protocol !== 'udp') throw new Mistake([...at, 'protocol'], '"protocol" is tcp or udp')
  if (form.address === undefined) throw new Mistake(at, 'a dial needs "address"')
  const given = textOf(form.address, [...at, 'address'])
  const [, host, behind] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(isIP(given) === 0 ? given : `[${given}]`) ?? []
  const port = form.port === undefined ? Number(behind ?? Number.NaN) : Number(textOf(form.port, [...at, 'port']))
  if (host === undefined || isIP(host) === 0) throw new Mistake([...at, 'address'], `"${given}" is not an IP address`)
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Mistake([...at, 'port'], 'a dial needs a port between 1 and 65535')
  const source = form.source === undefined ? undefined : textOf(form.source, [...at, 'source'])
  if (source !== undefined && isIP(source) === 0) throw new Mistake([...at, 'source'], `"${source}" is not an IP address`)
  const socket = form.socket
  if (socket !== undefined && socket !== 'v4' && socket !== 'v6' && socket !== 'v6only')
    throw new Mistake([...at, 'socket'], '"socket" is v4, v6 or v6only')
  return { protocol, address: host, port, ...(source !== undefined && { source }), ...(socket !== undefined && { socket }) }
}
