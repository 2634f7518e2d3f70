/**
 * The filter in front of the lookup of header names. In: the names that a service asks for. Out: the fields of km_service that tell most other headers apart by first
 * letter and length (bpf/lib/http/interest.h).
 */
const LETTER_MASK = 31
const LONGEST = 63

export function interestFilter(names: readonly string[]): { readonly letters: number; readonly lengths: bigint } {
  let letters = 0
  let lengths = 0n
  for (const name of names) {
    letters |= 1 << (name.charCodeAt(0) & LETTER_MASK)
    lengths |= 1n << BigInt(Math.min(name.length, LONGEST))
  }
  return { letters: letters >>> 0, lengths }
}
