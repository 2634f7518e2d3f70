/** Each typed_config of the fixtures, and in its place a message that has no business there: everything in it has a class, and nothing is thrown. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FIXTURES } from '../golden/fixture.ts'
import { readCorpus } from './corpus.ts'
import { execute } from './execute.ts'
import type { Value } from './mutate-value.ts'

const TYPE = 'type.googleapis.com/envoy.'
const STRANGERS: readonly Value[] = [
  {
    '@type': `${TYPE}config.cluster.v3.Cluster`,
    name: 'x',
    type: 'EDS',
    lb_policy: 'RANDOM',
    load_assignment: { cluster_name: 'x' },
  },
  { '@type': `${TYPE}extensions.path.match.uri_template.v3.UriTemplateMatchConfig`, path_template: '/a' },
]

interface Place {
  readonly holder: Record<string, Value>
  readonly key: string
  readonly path: string
}

function* anysOf(value: Value, path: string): Generator<Place> {
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    const at = Array.isArray(value) ? path : `${path}.${key}`
    if (typeof inner !== 'object' || inner === null) continue
    if (!Array.isArray(inner) && typeof inner['@type'] === 'string')
      yield { holder: value as Record<string, Value>, key, path: `${at} ${inner['@type']}` }
    yield* anysOf(inner, at)
  }
}

test('a message of another kind in place of each typed_config', () => {
  const seen = new Set<string>()
  for (const resource of readCorpus([FIXTURES]).resources) {
    const root = structuredClone(resource)
    for (const { holder, key, path } of [...anysOf(root, (resource as Record<string, string>)['@type'] ?? '')]) {
      if (seen.has(path)) continue
      seen.add(path)
      const own = holder[key] as Value
      for (const stranger of STRANGERS) {
        holder[key] = stranger
        assert.equal(execute({ name: 'a.json', bytes: Buffer.from(JSON.stringify([root])) }), [], path)
      }
      holder[key] = own
    }
  }
  assert.ok(seen.size > 40, String(seen.size))
})

test.run()
