/**
 * Equal values as one object: who writes routes writes the same retries, times and destinations a hundred thousand times. In: values that nobody changes. Out: the value,
 * or an equal one that was given lately. Invariant: what comes out has the same fields with the same values; lists count as equal when their elements are the same.
 */

/** `slots`: values that are remembered; `slotOf` says which of them may be equal */
export function createShare<Value extends object>(slots: number, slotOf: (value: Value) => number): (value: Value) => Value {
  const held: (Value | undefined)[] = new Array<Value | undefined>(slots).fill(undefined)
  return (value) => {
    const at = (slotOf(value) >>> 0) % slots
    const known = held[at]
    if (known !== undefined && isSame(known, value)) return known
    held[at] = value
    return value
  }
}

/** of a short text */
export function slotOfText(text: string): number {
  let hash = text.length
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash, 31) + text.charCodeAt(at)
  return hash
}

function isSame<Value extends object>(one: Value, other: Value): boolean {
  let fields = 0
  for (const name in one) {
    fields++
    if (!isSameField(one[name], other[name])) return false
  }
  for (const _ in other) fields--
  return fields === 0
}

function isSameField(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false
  return one.every((item, index) => item === other[index])
}
