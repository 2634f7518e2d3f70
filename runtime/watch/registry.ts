/**
 * The reading half of the OCI distribution API. In: a place in a registry. Out: digests of tags, and bytes that have the digest they were asked by. Errors: KM9502,
 * in one line that names host and what was asked.
 *
 * Invariant: no byte leaves here whose sha256 is not the one asked for, no more is read than was announced by a document that is trusted so far, and credentials go to
 * the registry and to the token service that it names alone, never in the clear unless plain HTTP was asked for.
 * Source: OCI distribution specification 1.1 (end-2, end-3); token flow: the distribution project's "token authentication specification".
 */
import { MANIFEST_TYPE } from '../../proto/artifact/oci.ts'
import { sha256 } from '../../proto/artifact/sha256.ts'
import { CodedError, coded } from '../coded-error.ts'
import type { Credentials } from './credentials.ts'
import type { RegistryPlace } from './source.ts'

/** As proto/oci-index.schema.json has it. */
const MANIFEST_BYTES = 65_536
const TOKEN_BYTES = 65_536
/** Longest wait for an answer to begin, and for all of it. */
const ANSWER_MS = 30_000
const BLOB_MS = 600_000

export interface Registry {
  /** The digest that the tag has now. */
  resolve(): Promise<string>
  manifest(digest: string): Promise<Uint8Array>
  blob(descriptor: { readonly digest: string; readonly size: number }): Promise<Uint8Array>
}

export interface RegistryAccess {
  readonly transport: 'https' | 'http'
  readonly credentials: Credentials
}

export function openRegistry(place: RegistryPlace, access: RegistryAccess): Registry {
  const { host, repository, reference } = place
  const base = `${access.transport}://${host}/v2/${repository}`
  let authorization: string | undefined
  const name = `${host}/${repository}`

  const ask = async (method: 'GET' | 'HEAD', path: string, limit: number, milliseconds: number): Promise<Answer> => {
    const headers = (): Record<string, string> => ({
      accept: `${MANIFEST_TYPE}, application/octet-stream`,
      ...(authorization === undefined ? {} : { authorization }),
    })
    const first = await request(`${base}${path}`, { method, headers: headers(), limit, milliseconds }, name)
    if (first.status !== 401) return first
    authorization = await authorize(first.challenge, place, access)
    return request(`${base}${path}`, { method, headers: headers(), limit, milliseconds }, name)
  }

  const whole = async (path: string, digest: string, limit: number, milliseconds: number): Promise<Uint8Array> => {
    const answer = await ask('GET', path, limit, milliseconds)
    if (answer.status !== 200) throw failed(name, `${digest} gives status ${answer.status}`)
    if (`sha256:${sha256(answer.body)}` !== digest) throw failed(name, `gives other bytes than ${digest}`)
    return answer.body
  }

  return {
    resolve: async () => {
      if (reference.startsWith('sha256:')) return reference
      const head = await ask('HEAD', `/manifests/${reference}`, 0, ANSWER_MS)
      if (head.status !== 200) throw failed(name, `has no tag "${reference}": status ${head.status}`)
      if (/^sha256:[0-9a-f]{64}$/.test(head.digest ?? '')) return head.digest as string
      const answer = await ask('GET', `/manifests/${reference}`, MANIFEST_BYTES, ANSWER_MS)
      if (answer.status !== 200) throw failed(name, `has no tag "${reference}": status ${answer.status}`)
      return `sha256:${sha256(answer.body)}`
    },
    manifest: (digest) => whole(`/manifests/${digest}`, digest, MANIFEST_BYTES, ANSWER_MS),
    blob: ({ digest, size }) => whole(`/blobs/${digest}`, digest, size, BLOB_MS),
  }
}

interface Asking {
  readonly method: 'GET' | 'HEAD'
  readonly headers: Readonly<Record<string, string>>
  /** bytes of the body at most */
  readonly limit: number
  readonly milliseconds: number
}

interface Answer {
  readonly status: number
  readonly digest: string | undefined
  readonly challenge: string | undefined
  /** empty unless the status is 200 */
  readonly body: Uint8Array
}

async function request(url: string, { method, headers, limit, milliseconds }: Asking, name: string): Promise<Answer> {
  try {
    const response = await fetch(url, { method, headers, signal: AbortSignal.timeout(milliseconds) })
    const answer = {
      status: response.status,
      digest: response.headers.get('docker-content-digest') ?? undefined,
      challenge: response.headers.get('www-authenticate') ?? undefined,
    }
    if (method === 'GET' && response.status === 200) return { ...answer, body: await bodyOf(response, limit, name) }
    await response.body?.cancel()
    return { ...answer, body: new Uint8Array(0) }
  } catch (error) {
    if (error instanceof CodedError) throw error
    throw failed(name, `cannot be reached: ${reason(error)}`)
  }
}

async function bodyOf(response: Response, limit: number, name: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of response.body ?? []) {
    size += (piece as Uint8Array).length
    if (size > limit) throw failed(name, `sends more than the ${limit} bytes that were announced`)
    pieces.push(piece as Uint8Array)
  }
  return Buffer.concat(pieces, size)
}

/** What the Authorization header has to be from now on. */
export async function authorize(
  challenge: string | undefined,
  { host, repository }: RegistryPlace,
  access: RegistryAccess,
): Promise<string> {
  const name = `${host}/${repository}`
  const credentials = access.credentials(host)
  const basic = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`
  const [, scheme = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(challenge ?? '') ?? []
  if (scheme.toLowerCase() === 'basic') {
    if (basic === undefined) throw failed(name, 'asks for credentials')
    return basic
  }
  if (scheme.toLowerCase() !== 'bearer') throw failed(name, 'asks for credentials of a kind that is not known here')
  const parameters = Object.fromEntries([...rest.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]))
  const realm = URL.canParse(parameters.realm ?? '') ? new URL(parameters.realm as string) : undefined
  if (realm === undefined || !(realm.protocol === 'https:' || (realm.protocol === 'http:' && access.transport === 'http')))
    throw failed(name, 'names no token service that can be asked over TLS')
  if (parameters.service !== undefined) realm.searchParams.set('service', parameters.service)
  realm.searchParams.set('scope', `repository:${repository}:pull`)
  const headers = basic === undefined ? {} : { authorization: basic }
  const answer = await request(realm.href, { method: 'GET', headers, limit: TOKEN_BYTES, milliseconds: ANSWER_MS }, name)
  const token = answer.status === 200 ? tokenIn(answer.body) : undefined
  if (token === undefined) throw failed(name, `gives no token: ${realm.host} answers with status ${answer.status}`)
  return `Bearer ${token}`
}

function tokenIn(body: Uint8Array): string | undefined {
  try {
    const { token, access_token: access } = JSON.parse(Buffer.from(body).toString()) as { token?: unknown; access_token?: unknown }
    const text = token ?? access
    return typeof text === 'string' && /^[\x21-\x7e]+$/.test(text) ? text : undefined
  } catch {
    return undefined
  }
}

function failed(name: string, what: string): CodedError {
  return coded('KM9502', `the registry ${name} ${what}`)
}

/** fetch hides the reason in its cause. */
function reason(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  if (cause instanceof Error) return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message.split('\n', 1).join('')
  return 'unknown error'
}
