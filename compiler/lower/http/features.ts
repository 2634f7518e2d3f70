/**
 * What finding a route needs beside the plain case: the shape of the program that does it (bpf/lib/http/all-features.h). In: nothing. Out: names. Invariant: values,
 * names and numbers of a snapshot change none of these.
 */
export const ROUTE_FEATURES = ['query', 'values', 'wildcards', 'ports', 'oddPaths'] as const
export type RouteFeature = (typeof ROUTE_FEATURES)[number]
