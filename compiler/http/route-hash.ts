/**
 * The hash of a request under a route's hash_policy. In: policies and a request. Out: 64 bits, or undefined when no policy finds anything to hash.
 * A later policy's hash is mixed into the rotated earlier one; a terminal policy ends the list once there is a hash.
 * Source: Envoy's http/hash_policy.cc. A cookie that is missing and has a ttl would be made up at random: it hashes nothing here.
 */
import { xxHash64Text } from '../balance/hash.ts'
import { cookieValue } from '../match/cookie.ts'
import type { HashPolicy } from './model.ts'
import { addressText } from './internal-address.ts'
import type { HttpRequest } from './request.ts'
import { seededHash } from './seeded-hash.ts'

export function hashRequest(policies: readonly HashPolicy[], request: HttpRequest): bigint | undefined {
  let hash: bigint | undefined
  for (const policy of policies) {
    const own = hashOf(textsOf(policy, request))
    if (own !== undefined) hash = hash === undefined ? own : (BigInt.asUintN(64, hash << 1n) | (hash >> 63n)) ^ own
    if (policy.terminal && hash !== undefined) return hash
  }
  return hash
}

/** Several texts are hashed one into the other. */
function hashOf(texts: readonly string[]): bigint | undefined {
  const [first, ...more] = texts
  return first === undefined ? undefined : more.reduce((hash, text) => seededHash(text, hash), xxHash64Text(first))
}

function textsOf(policy: HashPolicy, request: HttpRequest): readonly string[] {
  switch (policy.kind) {
    case 'header': {
      const { rewrite } = policy
      const values = request.headerValues(policy.header)
      return (rewrite === undefined ? [...values] : values.map((value) => rewrite.regex.replaceAll(value, rewrite.substitution))).sort()
    }
    case 'cookie':
      // an empty one is none
      return some(cookieValue(request.headers.values('cookie'), policy.name) || undefined)
    case 'query_parameter':
      return some(request.query.get(policy.name))
    case 'source_ip':
      return some(addressText(request.source))
    default:
      return []
  }
}

function some(text: string | undefined): readonly string[] {
  return text === undefined ? [] : [text]
}
