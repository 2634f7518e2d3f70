/**
 * `kmeshc compile --base`: what leads from an artifact to the one just compiled. In: both. Out: the bytes to write: a delta where one will do, else the whole artifact,
 * with KM1931 that says why.
 */
import { guarded, readArtifact, readLayout } from '../../proto/artifact/read.ts'
import { readArtifactFile } from '../../proto/artifact/open.ts'
import type { Artifact } from '../../proto/artifact/format.ts'
import { readManifest } from '../../proto/artifact/image.ts'
import type { DeltaConfig } from '../../proto/delta/format.ts'
import { unsignedDigest } from '../../proto/signature/signature.ts'
import { artifactDelta } from '../delta/artifact-delta.ts'
import { packDelta, type PackedDelta } from '../delta/pack-delta.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Packed } from '../pack/pack.ts'

export interface BaseArtifact {
  readonly artifact: Artifact
  /** under which it may be in force */
  readonly digests: DeltaConfig['base']
}

/** undefined: it is told in `diag`. */
export function openBase(path: string, diag: Diagnostics): BaseArtifact | undefined {
  const file = readArtifactFile(path)
  const read =
    file.kind === 'invalid'
      ? file
      : guarded(() => {
          const artifact = readArtifact(file.bytes)
          if (artifact.kind === 'invalid') return artifact
          return { ...artifact, manifest: readManifest(readLayout(file.bytes).manifest, undefined).manifest }
        })
  if (read.kind === 'invalid') {
    diag.report({ severity: 'error', path: '', ...read.error })
    return undefined
  }
  const { artifact, manifest } = read
  return { artifact, digests: [...new Set([artifact.digest, unsignedDigest(manifest)])] }
}

/** undefined: only the whole artifact will do. */
export async function deltaFrom({ artifact, digests }: BaseArtifact, packed: Packed, diag: Diagnostics): Promise<PackedDelta | undefined> {
  const next = readArtifact(packed.bytes)
  if (next.kind === 'invalid') throw new Error(next.error.message)
  const made = artifactDelta(artifact, next.artifact)
  if (made.kind === 'delta') return packDelta(made.changes, { compiler: packed.config.compiler, base: digests, result: packed.digest })
  const message = `a delta will not do, the whole artifact is written: ${made.why}`
  diag.report({ code: 'KM1931', severity: 'warning', path: '', message, fix: 'apply it as it is; what did not change is not loaded again' })
  return undefined
}
