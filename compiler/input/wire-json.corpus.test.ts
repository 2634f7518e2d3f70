/** Real resources in the binary form and back: KMESH_DATA names the directory of snapshots. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findResources } from './forms.ts'
import { readText } from './read-text.ts'
import { envoySchema } from './schema.ts'
import { encodeJson } from '../fetch/messages.ts'
import { wireToJson } from './wire-json.ts'

const root = join(process.env.KMESH_DATA ?? '', 'snapshots')
const files = existsSync(root)
  ? readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(json|ya?ml)$/.test(file))
  : []
const schema = envoySchema()

/** protobufjs' encoder is stricter than Envoy's JSON reader: what it does not take is not compared. */
function encoded(type: string, json: object): Buffer | undefined {
  try {
    return encodeJson(type, json)
  } catch {
    return undefined
  }
}

test('every resource that can be encoded comes back whole', () => {
  let compared = 0
  let left = 0
  for (const file of files) {
    const { documents } = readText({ name: file, bytes: readFileSync(join(root, file)) }, schema)
    for (const { type, value } of [...documents].flatMap((document) => findResources(document.value, schema).found)) {
      if (schema.message(type) === undefined) continue
      const { '@type': _, ...rest } = value as Readonly<Record<string, unknown>>
      const bytes = encoded(type, rest)
      if (bytes === undefined) {
        left++
        continue
      }
      const back = wireToJson(schema, `type.googleapis.com/${type}`, bytes)
      assert.is(back.kind, 'read', file)
      if (back.kind !== 'read') continue
      assert.equal(back.unknown, [], file)
      const { '@type': __, ...json } = back.json
      const again = encodeJson(type, json)
      assert.is(again.length, bytes.length, `${file} ${type}`)
      assert.is(JSON.stringify(wireToJson(schema, `type.googleapis.com/${type}`, again)), JSON.stringify(back), file)
      compared++
    }
  }
  if (files.length > 0) console.log(`${compared} resources compared, ${left} that the encoder does not take`)
  assert.ok(files.length === 0 || compared > files.length)
})

test.run()
