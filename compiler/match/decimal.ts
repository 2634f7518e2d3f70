/**
 * A whole decimal number as absl::SimpleAtoi reads it: spaces around it and a sign are allowed, leading zeros too; nothing else, and 64 bits at most.
 */
const FORM = /^[ \t\n\v\f\r]*([+-]?)([0-9]+)[ \t\n\v\f\r]*$/

/** signed 64 bits */
export function parseDecimal(text: string): bigint | undefined {
  const found = FORM.exec(text)
  if (found === null) return undefined
  const value = BigInt(found[2] as string) * (found[1] === '-' ? -1n : 1n)
  return value === BigInt.asIntN(64, value) ? value : undefined
}

/** unsigned 64 bits; a minus sign is refused */
export function parseUnsigned(text: string): bigint | undefined {
  const found = FORM.exec(text)
  if (found === null || found[1] === '-') return undefined
  const value = BigInt(found[2] as string)
  return value === BigInt.asUintN(64, value) ? value : undefined
}
