/**
 * What the random parts of a configuration are drawn from and leave behind. In: a seed. Out: draws, and the texts that the configuration asks for, from which
 * requests at its boundaries are made. Invariant: the same seed gives the same draws.
 */
import { type Random, seeded } from '../probes/random.ts'

export interface Sketch extends Random {
  /** paths, hosts, headers and query parameters that the configuration speaks of */
  readonly paths: string[]
  readonly hosts: string[]
  readonly headers: (readonly [name: string, value: string])[]
  readonly query: (readonly [name: string, value: string])[]
  readonly methods: string[]
  /** one of them in proportion to its weight */
  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T
  /** what Envoy may well refuse: only some configurations have any of it */
  odd(probability: number): boolean
  /** {field: value()} with a probability, else {} */
  maybe<T>(probability: number, field: string, value: () => T): { readonly [field: string]: T }
  many<T>(least: number, most: number, value: (index: number) => T): T[]
}

export function createSketch(seed: number): Sketch {
  const random = seeded(seed)
  const daring = random.chance(0.25)
  return {
    ...random,
    paths: [],
    hosts: [],
    headers: [],
    query: [],
    methods: [],
    weighted(choices) {
      let left = random.whole(
        1,
        choices.reduce((sum, [weight]) => sum + weight, 0),
      )
      for (const [weight, choice] of choices) {
        left -= weight
        if (left <= 0) return choice
      }
      throw new Error('no choices')
    },
    odd: (probability) => random.chance(probability) && daring,
    maybe(probability, field, value) {
      return random.chance(probability) ? { [field]: value() } : {}
    },
    many(least, most, value) {
      return Array.from({ length: random.whole(least, most) }, (_, index) => value(index))
    },
  }
}
