/**
 * A number that is drawn for a request. In: how many outcomes there are. Out: which of them it is. Envoy takes the remainder of a 64-bit number: a bigint is that number; a number of at
 * least 0 and less than 1 stands for it as a share, so that tests can say where among the outcomes it falls.
 */
export type Draw = number | bigint

/** At least 0, less than `outcomes`; 0 where there are none. */
export function drawOf(draw: Draw, outcomes: number): number {
  if (typeof draw === 'number' || outcomes === 0) return Math.floor(Number(draw) * outcomes)
  return Number(draw % BigInt(outcomes))
}
