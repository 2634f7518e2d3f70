/** A set of bytes. In: ranges and groups. Out: its ranges in order. RE2's classes go beyond 255; here they are cut there, as RE2 does for Latin-1. */

export type Range = readonly [low: number, high: number]

export const LAST = 255

export class CharClass {
  private readonly has = new Uint8Array(LAST + 1)

  /** `fold`: ASCII letters bring their other case */
  add(low: number, high: number, fold: 'fold' | 'exact'): void {
    for (let rune = low; rune <= Math.min(high, LAST); rune++) {
      this.has[rune] = 1
      if (fold === 'fold' && isLetter(rune)) this.has[rune ^ 32] = 1
    }
  }

  addClass(other: CharClass): void {
    for (const [low, high] of other.ranges()) this.add(low, high, 'exact')
  }

  negate(): void {
    for (let rune = 0; rune <= LAST; rune++) this.has[rune] = this.has[rune] === 1 ? 0 : 1
  }

  contains(rune: number): boolean {
    return this.has[rune] === 1
  }

  get size(): number {
    return this.has.reduce((sum, one) => sum + one, 0)
  }

  ranges(): readonly Range[] {
    const ranges: Range[] = []
    for (let low = 0; low <= LAST; low++) {
      if (this.has[low] !== 1) continue
      let high = low
      while (high < LAST && this.has[high + 1] === 1) high++
      ranges.push([low, high])
      low = high
    }
    return ranges
  }

  /** the same letters in both cases */
  foldsAscii(): boolean {
    for (let upper = 65; upper <= 90; upper++) if (this.has[upper] !== this.has[upper + 32]) return false
    return true
  }

  equals(other: CharClass | undefined): boolean {
    return other !== undefined && this.has.every((one, rune) => one === other.has[rune])
  }
}

const isLetter = (rune: number): boolean => (rune >= 65 && rune <= 90) || (rune >= 97 && rune <= 122)
