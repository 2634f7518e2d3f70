/**
 * Why a head is none that the kernel reads. In: a request line. Out: the reason for people; '' when it is one.
 * Source: bpf/lib/http/{head,header-line,scan}.h, which are the meaning: what could be read in two ways is user space's.
 */
import { BODY_MAX } from '../../proto/http/sockets.ts'
import type { HeaderPair, RequestLine } from '../http/request.ts'

const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'PATCH', 'OPTIONS', 'PURGE'])
/** visible, and no "#" */
const TARGET = /^\/[!"$-~]*$/
const HOST = /^[\w.:[\]-]{0,128}$/
const NAME = /^[\w.-]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/
const LENGTH = /^\d{1,16}$/
/** KM_HEAD_MAX */
const LONGEST = 4096
/** what they mean is between two hops, or for the proxy itself */
const SPECIAL = /^(?:te|expect|upgrade|trailer|keep-alive|http2-settings|proxy-connection|transfer-encoding|x-envoy-.*)$/

export function headReason({ method, scheme, path, authority, headers }: RequestLine): string {
  if (scheme === 'https') return 'the connection is TLS'
  if (!METHODS.has(method)) return `the method ${method}`
  if (!TARGET.test(path)) return 'the form of the path'
  if (!HOST.test(authority)) return 'the form of the host'
  const line = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n\r\n`
  if (headers.reduce((sum, [name, value]) => sum + Buffer.byteLength(name + value) + ': \r\n'.length, line.length) > LONGEST)
    return `a head of more than ${LONGEST} bytes`
  return headers.map(lineReason).find((why) => why !== '') ?? repeated(headers)
}

function lineReason([given, value]: HeaderPair): string {
  const name = given.toLowerCase()
  if (!NAME.test(name) || CONTROL.test(value)) return `the form of the header ${name}`
  if (SPECIAL.test(name)) return `the header ${name}`
  if (name === 'connection' && !/^(?:keep-alive|close)$/i.test(value.trim())) return 'the header connection'
  if (name === 'content-length' && !LENGTH.test(value.trim())) return 'the header content-length'
  return name === 'content-length' && Number(value) > BODY_MAX ? `a body of more than ${BODY_MAX} bytes` : ''
}

const ONCE: readonly string[] = ['host', 'content-length', 'content-type']

function repeated(headers: readonly HeaderPair[]): string {
  const names = headers.map(([name]) => name.toLowerCase())
  const name = ONCE.find((one) => names.filter((other) => other === one).length > (one === 'host' ? 0 : 1))
  return name === undefined ? '' : `the header ${name} more than once`
}
