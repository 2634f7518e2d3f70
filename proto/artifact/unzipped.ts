/** gzip from an untrusted file. In: its bytes, what they are, how many they may become. Out: what was zipped. Errors: KM9010. */
import { gunzipSync } from 'node:zlib'
import { ArtifactFault } from './fault.ts'

const MIB = 1 << 20

/** `what` names it in messages; `most` in bytes. */
export function unzipped(bytes: Uint8Array, { what, most }: { readonly what: string; readonly most: number }): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: most })
  } catch (error) {
    const large = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
    throw new ArtifactFault('KM9010', large ? `${what} unpacks to more than ${most / MIB} MiB` : `${what} is not gzip`)
  }
}
