/**
 * One line of a batch. In: its text. Out: the request and who asks, or what is wrong with it. Invariant: never throws; a line that is wrong keeps its id,
 * where it has one. Fields that are not named here are ignored.
 */
import type { HeaderPair, RequestLine } from '../http/request.ts'
import { parseSocketAddress } from './addresses.ts'

export interface TraceRequest extends RequestLine {
  /** whatever the user calls the line by */
  readonly id: unknown
  readonly routeConfig?: string
}

export interface BadLine {
  readonly id: unknown
  readonly error: string
}

const OPTIONAL_TEXTS = ['scheme', 'source', 'destination', 'route_config'] as const

export function readRequestLine(text: string): TraceRequest | BadLine {
  const line = parse(text)
  if (line === undefined) return { id: null, error: `it is not a JSON object: ${shorten(text)}` }
  const id = line.id ?? null
  const bad = (error: string): BadLine => ({ id, error })
  const { method, path, authority, headers, random } = line
  if (typeof method !== 'string' || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(method))
    return bad(`"method" is ${show(method)}, not a method such as "GET"`)
  if (typeof path !== 'string' || !/^[^\s]+$/.test(path)) return bad(`"path" is ${show(path)}, not a path such as "/"`)
  if (typeof authority !== 'string') return bad(`"authority" is ${show(authority)}, not a host name; it may be empty`)
  const wrong = OPTIONAL_TEXTS.find((name) => line[name] !== undefined && line[name] !== null && typeof line[name] !== 'string')
  if (wrong !== undefined) return bad(`"${wrong}" is ${show(line[wrong])}, not a text`)
  if (typeof line.source === 'string' && parseSocketAddress(line.source) === undefined)
    return bad(`"source" is ${show(line.source)}, not an address such as "10.0.0.7"`)
  if (headers !== undefined && headers !== null && !isPairs(headers))
    return bad(`"headers" is ${show(headers)}, not a list of pairs [name, value]`)
  if (random !== undefined && random !== null && !(typeof random === 'number' && random >= 0 && random < 1))
    return bad(`"random" is ${show(random)}, not a number from 0 to below 1`)
  const optional = (name: (typeof OPTIONAL_TEXTS)[number]): string | undefined => (line[name] as string | null | undefined) ?? undefined
  const [scheme, source, destination, routeConfig] = OPTIONAL_TEXTS.map(optional)
  return {
    id,
    method,
    path,
    authority,
    headers: (headers as readonly HeaderPair[] | null | undefined) ?? [],
    ...(scheme !== undefined && { scheme }),
    ...(source !== undefined && { source }),
    ...(destination !== undefined && { destination }),
    ...(routeConfig !== undefined && { routeConfig }),
    ...(typeof random === 'number' && { random }),
  }
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}

function isPairs(value: unknown): value is readonly HeaderPair[] {
  return (
    Array.isArray(value) &&
    value.every(
      (pair: unknown) =>
        Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string' && pair[0] !== '' && typeof pair[1] === 'string',
    )
  )
}

function show(value: unknown): string {
  return value === undefined ? 'missing' : shorten(JSON.stringify(value))
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
