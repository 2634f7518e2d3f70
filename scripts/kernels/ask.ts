/** What a governed client asks, and what it may be answered. In: what differs from a GET without a body. Out: a question for guest/ask.mjs. */

/** Often enough that a server that is never chosen would be noticed, whatever the policy. */
const TIMES = 30

export interface Ask {
  readonly protocol: 'http' | 'udp'
  readonly address: string
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** bytes of the request's body; 0: a GET without one */
  readonly body: number
  /** all on one connection */
  readonly keep: boolean
  readonly times: number
  /** so many at the same time, each `times` in a row */
  readonly clients: number
  /**
   * Each of them comes at least once, and nothing else: "127.96.7.1" over UDP, "200 127.96.7.1" over HTTP, "200 127.96.7.1 got 5" for a body of five bytes,
   * "200 127.96.7.1 sent 7" where the path ends with /size/7. None: always the same server.
   */
  readonly answers: readonly string[]
}

export const ask = (given: Partial<Ask> & Pick<Ask, 'address' | 'port' | 'answers'>): Ask => ({
  protocol: 'http',
  path: '/',
  headers: {},
  body: 0,
  keep: false,
  times: TIMES,
  clients: 1,
  ...given,
})
