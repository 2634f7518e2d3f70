/** What matches and actions may ask of Envoy's runtime. Without a bootstrap every answer is the default. */
export interface RuntimeValues {
  /** a reloadable feature, e.g. envoy.reloadable_features.match_headers_individually */
  flag(key: string, otherwise: boolean): boolean
  /** a whole number, e.g. the weight of a cluster */
  count(key: string): number | undefined
  fraction(key: string, otherwise: Share): Share
}

export interface Share {
  readonly numerator: number
  readonly denominator: number
}
