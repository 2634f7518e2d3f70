/**
 * How reading an artifact fails: a code, one line, a fix. Thrown inside proto/artifact only; `readArtifact` turns it into data.
 */
import { type RuntimeCode, runtimeCodes } from '../codes.ts'

export interface ArtifactError {
  readonly code: RuntimeCode
  /** one line, in the user's words */
  readonly message: string
  readonly fix: string
}

export class ArtifactFault extends Error {
  readonly error: ArtifactError

  constructor(code: RuntimeCode, message: string) {
    super(message)
    this.error = { code, message, fix: runtimeCodes[code].fix }
  }
}

const SHOWN = 80

/** A name from a foreign file for a message: printable, one line, of bounded length. */
export function quoted(name: string): string {
  const text = JSON.stringify(name).replace(/[^\x20-\x7e]/g, '?')
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}..."` : text
}
