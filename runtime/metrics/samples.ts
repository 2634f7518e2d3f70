/**
 * Samples by family. In: additions, one label set at a time; out: each label set once. What has the same labels is added up: two rows with one name are one series.
 */
import { FAMILIES, type FamilyName } from './families.ts'

export interface Sample {
  readonly labels: readonly (readonly [name: string, value: string])[]
  readonly value: number
}

export interface Samples {
  /** `values`: of the family's labels, in their order */
  add(family: FamilyName, values: readonly string[], value: number): void
  of(family: FamilyName): readonly Sample[]
}

export function createSamples(): Samples {
  const found = new Map<FamilyName, Map<string, Sample>>()
  return {
    add(family, values, value) {
      const { labels } = FAMILIES[family]
      if (labels.length !== values.length) throw new Error(`${family} has the labels ${labels.join(', ')}`)
      const own = found.get(family) ?? new Map<string, Sample>()
      found.set(family, own)
      const whole = values.map(wholeText)
      const key = JSON.stringify(whole)
      const before = own.get(key)?.value ?? 0
      own.set(key, { labels: labels.map((name, index) => [name, whole[index] as string] as const), value: before + value })
    },
    of: (family) => [...(found.get(family)?.values() ?? [])],
  }
}

/** Half of a surrogate pair has no UTF-8; two names that differ in one would be two series of one name. */
function wholeText(text: string): string {
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD')
}
