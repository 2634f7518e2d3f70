/** Owners of states, by key. In: keys of STATE_KEY_BYTES bytes. Out: a list of them without repetition, whose index 0 is nobody. */
import { STATE_KEY_BYTES } from '../../proto/artifact/table-files.ts'

export interface OwnerList {
  /** gives its index */
  add(owner: Uint8Array): number
  bytes(): Uint8Array
}

export function ownerAt(states: Uint8Array, index: number): Uint8Array {
  return states.subarray(index * STATE_KEY_BYTES, (index + 1) * STATE_KEY_BYTES)
}

export function ownerText(states: Uint8Array, index: number): string {
  return Buffer.from(ownerAt(states, index)).toString('hex')
}

export function createOwnerList(): OwnerList {
  const nobody = Buffer.alloc(STATE_KEY_BYTES)
  const known = new Map<string, number>([[nobody.toString('hex'), 0]])
  const list: Uint8Array[] = [nobody]
  return {
    add(owner) {
      const text = Buffer.from(owner).toString('hex')
      const held = known.get(text)
      if (held !== undefined) return held
      known.set(text, list.length)
      return list.push(owner) - 1
    },
    bytes: () => Buffer.concat(list),
  }
}
