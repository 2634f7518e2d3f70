/**
 * One input that is nearly a snapshot. In: a corpus, a seed, the number of the case. Out: bytes with a file name: JSON, YAML or a binary response, mutated in its values,
 * in its bytes or in both. The same seed and number give the same bytes.
 */
import type { Source } from '../../compiler/input/text.ts'
import type { Schema } from '../../compiler/input/schema.ts'
import { yaml } from '../generate.ts'
import { type Random, seeded } from '../probes/random.ts'
import type { Corpus } from './corpus.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { mutateValue, type Value } from './mutate-value.ts'

const NAMES = ['snapshot', 'snapshot.json', 'snapshot.yaml', '-'] as const

export function drawCase(corpus: Corpus, schema: Schema, seed: number, number: number): Source {
  const random = seeded(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b))
  const kind = random.whole(0, 9)
  if (kind <= 1) return { name: random.one(NAMES), bytes: mutateBytes(random.one(corpus.files), random, corpus.files) }
  if (kind <= 3) {
    const bytes = binary(corpus, random)
    return { name: 'snapshot.pb', bytes: random.chance(0.9) ? mutateBytes(bytes, random, corpus.packed) : bytes }
  }
  const value = mutateValue(wrapped(several(corpus, random), random), random, corpus.resources, schema)
  const text = kind <= 7 ? JSON.stringify(value, null, random.one([0, 1])) : yamlText(value, random)
  const bytes = Buffer.from(text)
  return {
    name: kind <= 7 ? random.one(NAMES) : 'snapshot.yaml',
    bytes: random.chance(0.3) ? mutateBytes(bytes, random, corpus.files) : bytes,
  }
}

function several<T>(corpus: { readonly resources: readonly T[] }, random: Random): T[] {
  return Array.from({ length: random.one([1, 1, 2, 3]) }, () => random.one(corpus.resources))
}

/** The forms in which resources come. */
function wrapped(resources: Value[], random: Random): Value {
  const first = resources[0] as { [key: string]: Value }
  const section = (name: string, fields: object): Value => ({ '@type': `type.googleapis.com/envoy.admin.v3.${name}`, ...fields })
  switch (random.whole(0, 7)) {
    case 0:
      return first
    case 1:
      return { version_info: '1', resources, type_url: first['@type'] ?? '' }
    case 2:
      return { resources: resources.map((resource) => ({ name: 'a', version: '1', resource })) }
    case 3:
      return {
        configs: [
          section('ListenersConfigDump', { dynamic_listeners: resources.map((listener) => ({ name: 'a', active_state: { listener } })) }),
          section('ClustersConfigDump', { dynamic_active_clusters: resources.map((cluster) => ({ cluster })) }),
          section('RoutesConfigDump', { dynamic_route_configs: resources.map((config) => ({ route_config: config })) }),
        ],
      }
    case 4:
      return { node: { id: 'n' }, static_resources: { listeners: resources, clusters: resources }, layered_runtime: { layers: [] } }
    case 5:
      return { listeners: resources, clusters: resources, routes: resources }
    default:
      return resources
  }
}

function yamlText(value: Value, random: Random): string {
  if (random.chance(0.2)) return JSON.stringify(value, null, 2)
  const text = yaml(value, '').replace(/^[\n ]/, '')
  // plain keys and scalars, which most YAML has
  return random.chance(0.7) ? text.replace(/"([\w./*-]+)"/g, '$1') : text
}

function binary(corpus: Corpus, random: Random): Uint8Array {
  const field = (number: number, held: Uint8Array): Buffer => Buffer.concat([varint(number * 8 + 2), varint(held.length), held])
  const held = several({ resources: corpus.packed }, random)
  const delta = random.chance(0.4)
  const resources = held.map((any) =>
    field(2, delta ? Buffer.concat([field(1, Buffer.from('1')), field(2, any), field(3, Buffer.from('a'))]) : any),
  )
  return Buffer.concat([field(1, Buffer.from('17')), ...resources, field(5, Buffer.from('n'))])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest & 127) | 128)
  }
}
