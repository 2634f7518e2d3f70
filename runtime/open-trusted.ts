/**
 * The only way of artifacts into the runtime. In: a file, or the parts of an image, and the policy of this node. Out: the artifact and who signed it.
 * Errors: KM9001 to KM9017, all before anything is unpacked that no trusted signature covers, where the node asks for one (trust.ts).
 */
import { type ArtifactError, ArtifactFault } from '../proto/artifact/fault.ts'
import type { Artifact } from '../proto/artifact/format.ts'
import { type Image, readImage, readManifest, type SignedManifest } from '../proto/artifact/image.ts'
import { openArtifact } from '../proto/artifact/open.ts'
import type { Delta } from '../proto/delta/format.ts'
import { openArtifactOrDelta } from '../proto/delta/read-file.ts'
import type { TrustPolicy } from '../proto/signature/signature.ts'
import { CodedError } from './coded-error.ts'
import { readTrust } from './trust.ts'

export interface TrustedArtifact {
  readonly artifact: Artifact
  /** ids of trusted keys; empty where the node has no policy */
  readonly signers: readonly string[]
}

/** `trust`: --trust, a file or directory of public keys. */
export function openTrusted(path: string, trust: string | undefined): TrustedArtifact {
  const opened = openArtifact(path, readTrust(trust))
  if (opened.kind === 'invalid') throw refused(opened.error)
  return { artifact: opened.artifact, signers: opened.signers }
}

/** What a file holds that may be a delta. */
export type TrustedFile =
  | ({ readonly kind: 'artifact' } & TrustedArtifact)
  | { readonly kind: 'delta'; readonly delta: Delta; readonly signers: readonly string[] }

export function openTrustedOrDelta(path: string, trust: string | undefined): TrustedFile {
  return openTrustedFileOrDelta(path, readTrust(trust))
}

export function openTrustedFileOrDelta(path: string, policy: TrustPolicy | undefined): TrustedFile {
  const read = openArtifactOrDelta(path, policy)
  if (read.kind === 'invalid') throw refused(read.error)
  return read
}

/** What an image consists of, before any of it is fetched. */
export function trustedManifest(manifest: Uint8Array, policy: TrustPolicy | undefined): SignedManifest {
  return telling(() => readManifest(manifest, policy))
}

export function openTrustedImage(image: Image, policy: TrustPolicy | undefined): TrustedArtifact {
  return telling(() => readImage(image, policy))
}

function telling<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof ArtifactFault ? refused(error.error) : error
  }
}

function refused(error: ArtifactError): CodedError {
  return new CodedError([{ severity: 'error', path: '', ...error }])
}
