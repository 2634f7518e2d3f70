/**
 * Who a row of km_state belongs to. In: kind, name and detail of an owner. Out: the 16 bytes that stand for it in artifacts and in the kernel: the first ones of a sha256, then the
 * kind, so that a row whose owner nobody can name any more still says what its counts are. Kinds and details: compiler/lower/states.ts.
 */
import * as crypto from 'node:crypto'

export const OWNER_KEY_BYTES = 16

/** Kinds of owners whose counts are shown, by the last byte of their keys; all others have 0. Never renumbered. */
export const OWNER_KINDS = { listener: 1, cluster: 2, endpoint: 3, route: 4 } as const
export type OwnerKind = keyof typeof OWNER_KINDS

export function ownerKey(kind: string, name: string, detail: string): Uint8Array {
  const key = sha256(`${kind}\0${name}\0${detail}`).subarray(0, OWNER_KEY_BYTES)
  key[OWNER_KEY_BYTES - 1] = kind in OWNER_KINDS ? OWNER_KINDS[kind as OwnerKind] : 0
  return key
}

/** undefined: of none that is shown. */
export function ownerKindOf(key: Uint8Array): OwnerKind | undefined {
  const code = key[OWNER_KEY_BYTES - 1]
  return (Object.keys(OWNER_KINDS) as OwnerKind[]).find((kind) => OWNER_KINDS[kind] === code)
}

/** The one-shot form, from Node 20.12 on, costs half as much; a large snapshot asks a hundred thousand times. */
const oneShot = (crypto as { hash?: (algorithm: string, data: string, encoding: 'buffer') => Uint8Array }).hash
function sha256(text: string): Uint8Array {
  return oneShot?.('sha256', text, 'buffer') ?? crypto.createHash('sha256').update(text).digest()
}
