/** Numbers that look random and are the same for the same seed. In: a seed. Out: draws. (Mulberry32: 32 bits of state, enough for test cases.) */
export interface Random {
  /** whole, from `least` to `most` */
  whole(least: number, most: number): number
  chance(probability: number): boolean
  one<T>(choices: readonly T[]): T
}

export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    whole: (least, most) => least + Math.floor(next() * (most - least + 1)),
    chance: (probability) => next() < probability,
    one: <T>(choices: readonly T[]) => choices[Math.floor(next() * choices.length)] as T,
  }
}
