/** The delta between two artifacts. In: both; out: its file, or what is read from it; throws where only a whole artifact would do. */
import { artifactDelta } from '../../compiler/delta/artifact-delta.ts'
import { packDelta } from '../../compiler/delta/pack-delta.ts'
import type { Artifact } from '../../proto/artifact/format.ts'
import type { Delta } from '../../proto/delta/format.ts'
import { readArtifactOrDelta } from '../../proto/delta/read-file.ts'

export async function artifactsDelta(base: Artifact, next: Artifact): Promise<Delta> {
  const read = readArtifactOrDelta(await deltaFile(base, next))
  if (read.kind !== 'delta') throw new Error(JSON.stringify(read))
  return read.delta
}

export async function deltaFile(base: Artifact, next: Artifact): Promise<Uint8Array> {
  const made = artifactDelta(base, next)
  if (made.kind === 'whole') throw new Error(made.why)
  const { bytes } = await packDelta(made.changes, { compiler: { version: '0.0.0' }, base: [base.digest], result: next.digest })
  return bytes
}
