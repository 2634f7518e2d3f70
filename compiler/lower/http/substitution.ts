/**
 * What stands in the place of a match. In: a substitution as RE2 writes it (\0 to \9, \\). Out: texts and groups, the empty ones left out; undefined: RE2 leaves the text as it is then.
 * Source: RE2's re2.cc (Rewrite).
 */
export type SubstitutionPart = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'group'; readonly group: number }

/** `substitution`: one character a byte */
export function readSubstitution(substitution: string): readonly SubstitutionPart[] | undefined {
  const parts: SubstitutionPart[] = []
  for (const [whole, escaped] of substitution.matchAll(/\\([\s\S]?)|[^\\]+/g)) {
    if (escaped === undefined) parts.push({ kind: 'text', text: whole })
    else if (escaped === '\\') parts.push({ kind: 'text', text: '\\' })
    else if (/^[0-9]$/.test(escaped)) parts.push({ kind: 'group', group: Number(escaped) })
    else return undefined
  }
  return parts
}
