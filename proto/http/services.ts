/**
 * What the slow path knows of a snapshot: its HTTP configuration, decided by the same interpreter as `kmeshc trace`. In: nothing. Out: the form of the
 * document, and where it is in an artifact (a file of the sources layer).
 *
 * `resources` are xDS resources in proto3 JSON with "@type", snake_case, keys sorted, ordered by kind and name: listeners with a connection manager, the
 * route configurations they name, the clusters that requests may meet with their assignments, and of a bootstrap the node and its runtime. Of TLS contexts
 * only the type is kept: no certificate and no key is in it.
 */
export interface ServicesDocument {
  readonly schemaVersion: 1
  /** `--resolve`: addresses of host names */
  readonly resolve: Readonly<Record<string, readonly string[]>>
  /** `--plaintext-to` */
  readonly plaintextTo: readonly string[]
  readonly resources: readonly Readonly<Record<string, unknown>>[]
}

/** below sources/ */
export const SERVICES_FILE = 'services.json'

/** undefined: nothing of this form */
export function readServicesDocument(bytes: Uint8Array): ServicesDocument | undefined {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { schemaVersion, resolve, plaintextTo, resources } = value as Partial<Record<keyof ServicesDocument, unknown>>
  if (schemaVersion !== 1 || typeof resolve !== 'object' || resolve === null || !Array.isArray(plaintextTo) || !Array.isArray(resources))
    return undefined
  return value as ServicesDocument
}
