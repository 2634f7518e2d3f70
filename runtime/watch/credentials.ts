/**
 * Credentials for registries. In: --authfile or REGISTRY_AUTH_FILE, as skopeo, podman and docker write them. Out: name and password as one text, by host; undefined: come
 * without. Nothing else is searched, no helper program is run. Errors: KM9505.
 */
import { readFileSync } from 'node:fs'
import { coded } from '../coded-error.ts'

/** HOST[:PORT] -> "name:password" */
export type Credentials = (host: string) => string | undefined

export function readCredentials(named: string | undefined, environment: NodeJS.ProcessEnv = process.env): Credentials {
  const file = named ?? environment.REGISTRY_AUTH_FILE
  if (file === undefined) return () => undefined
  const auths = authsOf(file)
  return (host) => {
    const encoded = auths[host]?.auth
    return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString()
  }
}

function authsOf(file: string): Readonly<Record<string, { readonly auth?: string }>> {
  try {
    const { auths } = JSON.parse(readFileSync(file, 'utf8')) as { auths?: Record<string, { auth?: string }> }
    if (typeof auths === 'object' && auths !== null) return auths
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'it is not JSON'
    throw coded('KM9505', `${file} cannot be read: ${why}`)
  }
  throw coded('KM9505', `${file} has no "auths"`)
}
