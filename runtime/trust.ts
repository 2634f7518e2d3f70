/**
 * Whose artifacts this node takes. In: what the command line says, then KMESH_TRUST, else /etc/kmesh/trust: a file of public keys, or a directory of
 * such files. Out: the policy, or undefined where there is none.
 *
 * Invariant: closed when in doubt. Only a default place that does not exist means that there is no policy; one that is named and missing, empty, unreadable
 * or has anything else in it is KM9016, and nothing is applied.
 */
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { guarded } from '../proto/artifact/read.ts'
import { readPublicKeys, type SigningKey } from '../proto/signature/key.ts'
import type { TrustPolicy } from '../proto/signature/signature.ts'
import { type CodedError, coded } from './coded-error.ts'
import { isErrno } from './sys/system-error.ts'

export const TRUST_VARIABLE = 'KMESH_TRUST'
export const TRUST_PLACE = '/etc/kmesh/trust'
/** a key is a hundred bytes; nobody trusts thousands */
const MOST_BYTES = 1 << 20

export function readTrust(named: string | undefined, environment: NodeJS.ProcessEnv = process.env): TrustPolicy | undefined {
  const place = named ?? environment[TRUST_VARIABLE]
  if (place === undefined) return isThere(TRUST_PLACE) ? policyAt(TRUST_PLACE) : undefined
  if (place === '') throw coded('KM9016', `the trust policy is named "" (${named === undefined ? TRUST_VARIABLE : '--trust'})`)
  return policyAt(place)
}

/** The policy that these files are. Throws KM9016. */
export function trustIn(files: readonly string[], source: string): TrustPolicy {
  const keys = files.flatMap(keysIn)
  if (keys.length === 0) throw coded('KM9016', `${source} holds no public key`)
  return { source, keys }
}

function policyAt(place: string): TrustPolicy {
  return trustIn(
    reading(place, () => (statSync(place).isDirectory() ? filesIn(place) : [place])),
    place,
  )
}

/** Names that begin with a dot are how a mounted Secret or ConfigMap, or an editor, keeps its own things. */
function filesIn(directory: string): readonly string[] {
  return readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .map((name) => join(directory, name))
}

function keysIn(file: string): readonly SigningKey[] {
  const pem = reading(file, () => {
    const { size } = statSync(file)
    if (!statSync(file).isFile() || size > MOST_BYTES) throw coded('KM9016', `${file} is no file of public keys`)
    return readFileSync(file, 'latin1')
  })
  const read = guarded(() => ({ kind: 'keys' as const, keys: readPublicKeys(pem, file) }))
  if (read.kind === 'invalid') throw coded('KM9016', read.error.message)
  return read.keys
}

function isThere(place: string): boolean {
  try {
    lstatSync(place)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false
    throw unusable(place, error)
  }
}

function reading<T>(place: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw unusable(place, error)
    throw error
  }
}

function unusable(place: string, error: unknown): CodedError {
  const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  return coded('KM9016', `the trust policy ${place} cannot be read: ${why}`)
}
