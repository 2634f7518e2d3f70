/**
 * What it takes to reach an endpoint. In: a cluster's Transport and the labels of `--plaintext-to`. Out: for an endpoint's and its locality's
 * labels what is needed, or undefined where plain text does. Envoy asks the endpoint's labels first, then the locality's (transport_socket_match_impl.cc).
 */
import type { Labels, Socket, Transport } from '../parse/resources.ts'

export interface Need {
  readonly path: string
  readonly why: string
  /** `--plaintext-to=istio` would allow plain text */
  readonly istio: boolean
}

export function transportOf(
  { matches, fallback }: Transport,
  plaintextTo: ReadonlySet<string>,
): (endpoint: Labels | undefined, locality: Labels | undefined) => Need | undefined {
  const needs = matches.map(({ labels, socket }) =>
    needOf(socket, isIstio(labels) && socket.why === 'TLS' ? 'istio' : 'other', plaintextTo),
  )
  const otherwise = needOf(fallback, 'other', plaintextTo)
  if (matches.length === 0) return () => otherwise
  return (endpoint, locality) => {
    for (const given of [endpoint, locality]) {
      const index = matches.findIndex(
        ({ labels }) =>
          labels.length === 0 ||
          (given !== undefined && labels.every(([key, value]) => Object.hasOwn(given, key) && equal(given[key], value))),
      )
      if (index >= 0) return needs[index]
    }
    return otherwise
  }
}

function needOf({ path, why }: Socket, match: 'istio' | 'other', plaintextTo: ReadonlySet<string>): Need | undefined {
  const istio = match === 'istio'
  return why === undefined || (istio && plaintextTo.has('istio')) ? undefined : { path, why, istio }
}

/** Istio's own match for endpoints in the mesh, and nothing more. */
function isIstio(labels: readonly (readonly [string, unknown])[]): boolean {
  const [label] = labels
  return labels.length === 1 && label?.[0] === 'tlsMode' && label[1] === 'istio'
}

/** Values of google.protobuf.Value; lists compare as lists. */
function equal(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return a === b
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal((a as Labels)[key], (b as Labels)[key]))
  )
}
