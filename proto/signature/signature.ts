/**
 * Signatures of an artifact. In: a manifest, keys. Out: the annotation that a signature is, and who of those trusted signed.
 *
 * What is signed is the manifest as the compiler wrote it, without annotations: it names config and layers by sha256 and size and holds nothing else
 * (its schema allows nothing else), so that every byte that is ever used hangs off it. The signature is an annotation of the manifest: a part of the
 * one document that every registry and every tool hands on byte for byte. Taken away, it leaves the unsigned artifact, byte for byte.
 */
import { sign, verify } from 'node:crypto'
import { ArtifactFault } from '../artifact/fault.ts'
import { FORMS, type ImageForm, type Manifest, manifestOf } from '../artifact/oci.ts'
import { sha256 } from '../artifact/sha256.ts'
import type { SigningKey } from './key.ts'

/** Followed by the key's id; the value is the signature in base64. proto/oci-manifest.schema.json has the same words. */
const ANNOTATION = 'vnd.kmesh.signature.v1.ed25519.'
/** Nothing else that a key may ever sign begins like this. */
const CONTEXT = 'kmesh artifact signature v1\n'

/** Whose signatures are taken. */
export interface TrustPolicy {
  /** where it was read, for messages */
  readonly source: string
  /** none: nothing is taken */
  readonly keys: readonly SigningKey[]
}

/** The manifest with one more signature, or the same one again; signatures stand in the order of their keys. */
export function signManifest(manifest: Manifest, { id, key }: SigningKey): Manifest {
  const signature = sign(null, signedText(manifest), key).toString('base64')
  const all = { ...manifest.annotations, [ANNOTATION + id]: signature }
  const annotations = Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { ...unsigned(manifest), annotations }
}

/** Ids of the keys that a manifest says it was signed with; nothing is verified. */
export function claimedSigners({ annotations }: Manifest): readonly string[] {
  return Object.keys(annotations ?? {})
    .filter((name) => name.startsWith(ANNOTATION))
    .map((name) => name.slice(ANNOTATION.length))
    .sort()
}

/** Ids of trusted keys that signed it, at least one. Errors: KM9013 unsigned, KM9014 by strangers, KM9015 not what was signed. */
export function trustedSigners(manifest: Manifest, { keys, source }: TrustPolicy): readonly string[] {
  const claimed = new Set(claimedSigners(manifest))
  if (claimed.size === 0) throw new ArtifactFault('KM9013', `the artifact is not signed, and ${source} asks for a signature`)
  const signers = keys.filter(({ id }) => claimed.has(id))
  if (signers.length === 0) {
    const [first = '', ...more] = [...claimed].map((id) => id.slice(0, 16))
    throw new ArtifactFault('KM9014', `signed with ${[first, ...more].slice(0, 3).join(', ')}, which ${source} does not trust`)
  }
  const text = signedText(manifest)
  for (const { id, key } of signers) {
    const signature = Buffer.from(manifest.annotations?.[ANNOTATION + id] ?? '', 'base64')
    if (!verify(null, text, key, signature))
      throw new ArtifactFault(
        'KM9015',
        `the signature with ${id.slice(0, 16)} is not one of this artifact: it was altered after it was signed`,
      )
  }
  return [...new Set(signers.map(({ id }) => id))].sort()
}

/** "sha256:..." that the manifest has without its signatures: the digest that the compiler gave it. */
export function unsignedDigest(manifest: Manifest): string {
  return `sha256:${sha256(Buffer.from(JSON.stringify(unsigned(manifest))))}`
}

function signedText(manifest: Manifest): Buffer {
  return Buffer.from(CONTEXT + JSON.stringify(unsigned(manifest)))
}

/** In the compiler's own order of keys, whatever the order in the file was. */
function unsigned({ artifactType, config, layers }: Manifest): Manifest {
  return manifestOf(FORMS.find(({ type }) => type === artifactType) as ImageForm, config, layers)
}
