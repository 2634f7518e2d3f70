/** Writes a delta. In: what changes, and from which artifact to which. Out: the bytes of delta.tar (proto/delta/format.ts), the same for the same input on every run. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { ABI_VERSION, ROW_SIZE } from '../../proto/abi.ts'
import { abiDigest } from '../../proto/artifact/abi-digest.ts'
import { DELTA_FORM, manifestOf } from '../../proto/artifact/oci.ts'
import { relocationDifferences, STATE_KEY_BYTES } from '../../proto/artifact/table-files.ts'
import { DELTA_FILES, type DeltaChanges, type DeltaConfig, type DeltaDocument } from '../../proto/delta/format.ts'
import { archive } from '../pack/archive.ts'
import { described, writeLayout } from '../pack/layout.ts'

export interface PackedDelta {
  readonly bytes: Uint8Array
  /** "sha256:..." of the manifest */
  readonly digest: string
  readonly config: DeltaConfig
}

/** Few bytes matter more than time: a delta is small. */
const LEVEL = 9
const compress = promisify(gzip)

export async function packDelta(changes: DeltaChanges, ends: Pick<DeltaConfig, 'compiler' | 'base' | 'result'>): Promise<PackedDelta> {
  const { clusters, services, rows, owners, relocations } = changes
  const config: DeltaConfig = {
    schemaVersion: 1,
    abi: { version: ABI_VERSION, digest: abiDigest() },
    compiler: { version: ends.compiler.version },
    base: ends.base,
    result: ends.result,
    entries: { clusters: clusters.length, rows: rows.length / ROW_SIZE, owners: owners.length / STATE_KEY_BYTES },
  }
  const document: DeltaDocument = { clusters, ...(services !== undefined && { services }) }
  const layer = await compress(
    await archive([
      { name: DELTA_FILES.changes, content: Buffer.from(JSON.stringify(document)) },
      { name: DELTA_FILES.owners, content: owners },
      { name: DELTA_FILES.relocations, content: relocationDifferences(relocations) },
      { name: DELTA_FILES.rows, content: rows },
    ]),
    { level: LEVEL },
  )
  const configBlob = Buffer.from(JSON.stringify(config))
  const { bytes, digest } = await writeLayout(manifestOf(DELTA_FORM, described(configBlob), [described(layer)]), [configBlob, layer])
  return { bytes: await compress(bytes, { level: LEVEL }), digest, config }
}
