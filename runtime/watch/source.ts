/**
 * Where artifacts come from. In: what the command line says, a directory or oci:REGISTRY/REPOSITORY[:TAG|@DIGEST]. Out: a place, and what every kind of source can do.
 * Errors: KM9501.
 */
import { coded } from '../coded-error.ts'
import type { TrustedFile } from '../open-trusted.ts'
import type { TrustPolicy } from '../../proto/signature/signature.ts'

export interface RegistryPlace {
  readonly kind: 'registry'
  /** HOST[:PORT] */
  readonly host: string
  readonly repository: string
  /** a tag, or "sha256:..." */
  readonly reference: string
}

export type WatchedPlace = { readonly kind: 'directory'; readonly path: string } | RegistryPlace

/** One artifact that a source has to offer. */
export interface Candidate {
  /** for people */
  readonly name: string
  /** another one when the content may be another */
  readonly identity: string
  /** Reads all of it. Throws CodedError: of the codes KM90xx when it is the artifact's fault. */
  open(policy: TrustPolicy | undefined): Promise<OpenedCandidate>
}

/** `moved`: what had to be brought here; undefined: it was here */
export type OpenedCandidate = TrustedFile & { readonly moved?: { readonly blobs: number; readonly bytes: number } }

/** "sha256:..." of what is in force once it is applied. */
export function resultOf(opened: OpenedCandidate): string {
  return opened.kind === 'delta' ? opened.delta.config.result : opened.artifact.digest
}

export interface Source {
  /** The best first; none: there is nothing yet. Throws CodedError when the source itself cannot be asked. */
  candidates(): Promise<readonly Candidate[]>
}

const SCHEME = 'oci:'
const HOST = /^(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::\d{1,5})?$/
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/
const DIGEST = /^sha256:[0-9a-f]{64}$/

/** Source of the forms: the OCI distribution specification 1.1, "Pulling manifests". */
export function readPlace(text: string): WatchedPlace {
  if (!text.startsWith(SCHEME)) return { kind: 'directory', path: text }
  const rest = text.slice(SCHEME.length).replace(/^\/\//, '')
  const slash = rest.indexOf('/')
  const host = rest.slice(0, Math.max(0, slash))
  const image = rest.slice(slash + 1)
  const at = image.indexOf('@')
  const colon = image.lastIndexOf(':')
  const [repository, reference] =
    at >= 0 ? [image.slice(0, at), image.slice(at + 1)] : colon >= 0 ? [image.slice(0, colon), image.slice(colon + 1)] : [image, 'latest']
  const known = HOST.test(host) && REPOSITORY.test(repository) && (at >= 0 ? DIGEST : TAG).test(reference)
  if (!known)
    throw coded('KM9501', `${text} is not oci:REGISTRY/REPOSITORY:TAG`, { fix: 'Write it as oci:registry.example/mesh/data-plane:latest.' })
  return { kind: 'registry', host, repository, reference }
}
