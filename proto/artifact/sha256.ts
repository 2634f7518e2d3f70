/** The one digest of the artifact. In: bytes, or text as UTF-8. Out: sha256 in lower-case hex. */
import { createHash } from 'node:crypto'

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}
