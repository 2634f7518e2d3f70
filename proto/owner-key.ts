/**
 * Who a row of km_state belongs to. In: kind, name and detail of an owner. Out: the 16 bytes that stand for it in artifacts and in the kernel, the first ones of a sha256.
 * Kinds and details: compiler/lower/states.ts.
 */
import * as crypto from 'node:crypto'

export const OWNER_KEY_BYTES = 16

export function ownerKey(kind: string, name: string, detail: string): Uint8Array {
  return sha256(`${kind}\0${name}\0${detail}`).subarray(0, OWNER_KEY_BYTES)
}

/** The one-shot form, from Node 20.12 on, costs half as much; a large snapshot asks a hundred thousand times. */
const oneShot = (crypto as { hash?: (algorithm: string, data: string, encoding: 'buffer') => Uint8Array }).hash
function sha256(text: string): Uint8Array {
  return oneShot?.('sha256', text, 'buffer') ?? crypto.createHash('sha256').update(text).digest()
}
