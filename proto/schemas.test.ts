import { readdirSync, readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const directory = new URL('.', import.meta.url)
const names = readdirSync(directory).filter((name) => name.endsWith('.schema.json'))
const schemas = names.map(
  (name) => JSON.parse(readFileSync(new URL(name, directory), 'utf8')) as { $id?: string; $schema?: string; title?: string },
)

/** Commands whose JSON output each has a schema of its own. */
const COMMANDS = [
  'apply',
  'check',
  'compile',
  'confirm',
  'coverage',
  'detach',
  'diff',
  'doctor',
  'drift',
  'dump',
  'exec',
  'explain',
  'gc',
  'golden',
  'history',
  'inspect',
  'keygen',
  'locate',
  'plan',
  'repair',
  'rollback',
  'status',
  'test',
  'trace',
]

function validator(): Ajv {
  const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true })
  for (const schema of schemas) ajv.addSchema(schema)
  return ajv
}

test('every command has a schema', () => {
  for (const command of COMMANDS) assert.ok(names.includes(`${command}.schema.json`), `${command}.schema.json is missing`)
})

test('every schema compiles in strict mode, under the name of its file', () => {
  const ajv = validator()
  for (const [index, schema] of schemas.entries()) {
    assert.is(schema.$id, names[index])
    assert.is(schema.$schema, 'http://json-schema.org/draft-07/schema#', names[index])
    assert.type(schema.title, 'string')
    assert.type(ajv.getSchema(schema.$id as string), 'function', names[index])
  }
})

test('every output carries diagnostics', () => {
  for (const command of COMMANDS) {
    interface Form {
      readonly required?: string[]
      readonly properties?: Record<string, { $ref?: string }>
    }
    const schema = schemas[names.indexOf(`${command}.schema.json`)] as (Form & { readonly oneOf?: readonly Form[] }) | undefined
    for (const form of schema?.oneOf ?? [schema]) {
      assert.ok(form?.required?.includes('diagnostics'), command)
      assert.is(form?.properties?.diagnostics?.$ref, 'diagnostic.schema.json#/definitions/diagnostics', command)
    }
  }
})

test('the output of a command that failed may have diagnostics alone', () => {
  const ajv = validator()
  const diagnostics = [{ code: 'KM9001', severity: 'error', message: 'm', fix: 'f', path: '' }]
  for (const command of ['check', 'compile', 'inspect']) {
    const validate = ajv.getSchema(`${command}.schema.json`)
    assert.ok(validate?.({ diagnostics }), `${command}: ${JSON.stringify(validate?.errors)}`)
    assert.not.ok(validate?.({ diagnostics: [{ ...diagnostics[0], code: 'oops' }] }), `${command} with a wrong code`)
  }
})

test('an error needs a fix, a warning does not', () => {
  const validate = validator().getSchema('diagnostic.schema.json')
  const base = { code: 'KM1001', message: 'm', path: '' }
  assert.ok(validate?.([{ ...base, severity: 'warning' }]))
  assert.ok(validate?.([{ ...base, severity: 'error', fix: 'f', file: 'a', line: 1, column: 2 }]))
  assert.not.ok(validate?.([{ ...base, severity: 'error' }]))
  assert.not.ok(validate?.([{ ...base, severity: 'warning', line: 0 }]))
})

test.run()
