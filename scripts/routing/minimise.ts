/**
 * A disagreement, made small. In: a case and the request that two judges disagree about. Out: a case with that one request, of which no single field or element
 * can go without the disagreement going, too. All attempts of a round share one Envoy.
 */
import type { Json, JsonObject } from '../oracle/envoy.ts'
import { askEnvoy } from './ask-envoy.ts'
import { judge, newTally } from './fuzz-routing.ts'
import type { RoutingCase, RoutingRequest } from './routing-case.ts'

const ROUNDS = 40
const AT_ONCE = 100

/** `request`: undefined for one about the configuration as a whole */
export async function minimise(one: RoutingCase, request: RoutingRequest | undefined, port: number): Promise<RoutingCase> {
  let small: RoutingCase = { ...one, requests: request === undefined ? [] : [request] }
  const kind = (await differences([small], port))[0]
  if (kind === undefined) return small
  for (let round = 0; round < ROUNDS; round++) {
    const smaller = await firstLike(shrunk(small), kind, port)
    if (smaller === undefined) return small
    small = smaller
  }
  return small
}

/** the smallest that shows the same */
async function firstLike(cases: readonly RoutingCase[], kind: string, port: number): Promise<RoutingCase | undefined> {
  const ordered = cases.map((one) => [JSON.stringify(one).length, one] as const).sort(([a], [b]) => a - b)
  for (let at = 0; at < ordered.length; at += AT_ONCE) {
    const attempts = ordered.slice(at, at + AT_ONCE).map(([, one]) => one)
    const found = await differences(attempts, port)
    const best = attempts.find((_, index) => found[index] === kind)
    if (best !== undefined) return best
  }
  return undefined
}

/** the kind of difference of each: its words without what is quoted or counted */
async function differences(cases: readonly RoutingCase[], port: number): Promise<readonly (string | undefined)[]> {
  const verdicts = await askEnvoy(cases, { port })
  return cases.map((one, index) => {
    const verdict = verdicts[index]
    const first = verdict === undefined ? undefined : judge(one, verdict, newTally())[0]?.why[0]
    return first === undefined ? undefined : kindOf(first)
  })
}

export function kindOf(why: string): string {
  return why
    .replace(/"(\\.|[^"])*"/g, '"')
    .replace(/\d+/g, '0')
    .slice(0, 60)
}

/** types, enums and durations: another text would be no JSON of theirs */
const FIXED = /^type\.|^[A-Z][A-Z_]+$|^[\d.]+s$/

function isWhole({ method, authority, path, headers }: Partial<RoutingRequest>): boolean {
  return (
    Boolean(method) &&
    authority !== undefined &&
    path !== undefined &&
    path.startsWith('/') !== (method === 'CONNECT') &&
    headers?.every(([name, value]) => Boolean(name) && value !== undefined) === true
  )
}

/** the case with one field or element less, or one text shorter */
function shrunk(one: RoutingCase): readonly RoutingCase[] {
  const { id, ...rest } = one
  return without(rest as unknown as JsonObject)
    .map((smaller) => ({ id, ...(smaller as object) }) as RoutingCase)
    .filter(
      ({ route_config, requests }) => route_config !== undefined && requests?.length === one.requests.length && requests.every(isWhole),
    )
}

function without(value: Json): readonly Json[] {
  if (Array.isArray(value)) {
    const list = value as readonly Json[]
    return [
      ...(list.length > 3 ? [list.slice(0, list.length >> 1), list.slice(list.length >> 1)] : []),
      ...list.map((_, at) => list.filter((_one, other) => other !== at)),
      ...list.flatMap((item, at) => without(item).map((less) => list.map((held, other) => (other === at ? less : held)))),
    ]
  }
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value as JsonObject)
    return [
      ...entries.map(([key]) => Object.fromEntries(entries.filter(([other]) => other !== key))),
      ...entries.flatMap(([key, item]) =>
        item === undefined ? [] : without(item).map((less) => ({ ...(value as JsonObject), [key]: less })),
      ),
    ]
  }
  if (typeof value === 'string' && value.length > 1 && value.length < 0 && !FIXED.test(value))
    return [...new Set([value.slice(0, value.length >> 1), value.slice(value.length >> 1), value.slice(1), value.slice(0, -1)])]
  return []
}
