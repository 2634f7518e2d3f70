/**
 * Envoy's runtime as a bootstrap sets it. In: decoded resources. Out: the values of static layers, later layers over earlier ones, and who the node is.
 * Layers on disk, of the administrator and over RTDS are not in a snapshot.
 * Source: Envoy's runtime/runtime_impl.cc (walkProtoValue, createEntry, featureEnabled).
 */
import type { Resource } from '../input/resource.ts'
import type { RuntimeValues } from '../match/runtime-values.ts'
import type { Node } from './connection-manager.ts'
import type { Fraction } from './model.ts'

export interface Runtime extends RuntimeValues {
  /** a number, also in quotes, e.g. the bias of a load-balancing policy */
  number(key: string): number | undefined
  readonly node: Node
}

export const NO_RUNTIME: Runtime = createRuntime(new Map(), { cluster: '', id: '' })

export function readRuntime(resources: readonly Resource[]): Runtime {
  const values = new Map<string, unknown>()
  let node: Node = { cluster: '', id: '' }
  for (const { kind, cursor } of resources) {
    if (kind !== 'bootstrap' || cursor === undefined) continue
    for (const layer of cursor.message('layered_runtime')?.messages('layers') ?? []) flatten(layer.raw('static_layer'), '', values)
    const self = cursor.message('node')
    node = { cluster: self?.string('cluster') ?? '', id: self?.string('id') ?? '' }
  }
  return createRuntime(values, node)
}

function createRuntime(values: ReadonlyMap<string, unknown>, node: Node): Runtime {
  return {
    node,
    flag(key, otherwise) {
      const value = values.get(key)
      return typeof value === 'boolean' ? value : value === 'true' ? true : value === 'false' ? false : otherwise
    },
    number: (key) => numberOf(values.get(key)),
    count: (key) => countOf(values.get(key)),
    fraction: (key, otherwise) => fractionOf(values.get(key)) ?? otherwise,
  }
}

/** A layer may be flat ("a.b": 1) or nested; an object that is a fraction is a value. */
function flatten(value: unknown, prefix: string, into: Map<string, unknown>): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isFraction(value)) {
    if (prefix !== '') into.set(prefix, value)
    return
  }
  for (const [key, inner] of Object.entries(value)) flatten(inner, prefix === '' ? key : `${prefix}.${key}`, into)
}

function isFraction(value: object): value is { readonly numerator?: unknown; readonly denominator?: unknown } {
  return Object.hasOwn(value, 'numerator') || Object.hasOwn(value, 'denominator')
}

function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && !Number.isNaN(number) ? number : undefined
}

function countOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  return typeof number === 'number' && number >= 0 ? Math.floor(number) : undefined
}

const DENOMINATORS: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  ['HUNDRED', 100],
  ['TEN_THOUSAND', 10_000],
  ['MILLION', 1_000_000],
  [0, 100],
  [1, 10_000],
  [2, 1_000_000],
])

/** A plain number is a percentage. */
function fractionOf(value: unknown): Omit<Fraction, 'runtimeKey'> | undefined {
  if (typeof value === 'object' && value !== null && isFraction(value))
    return { numerator: countOf(value.numerator) ?? 0, denominator: DENOMINATORS.get(value.denominator ?? 0) ?? 100 }
  const percent = countOf(value)
  return percent === undefined ? undefined : { numerator: percent, denominator: 100 }
}
