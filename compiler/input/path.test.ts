import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parsePath } from './path.ts'

test('roots with any name, and steps of every kind', () => {
  assert.equal(parsePath('cds["a"].load_assignment.endpoints[0].metadata["x.y"].z'), {
    root: 'cds["a"]',
    steps: ['load_assignment', 'endpoints', 0, 'metadata', 'x.y', 'z'],
  })
  assert.equal(parsePath('lds["a\\"].b[0]"].name'), { root: 'lds["a\\"].b[0]"]', steps: ['name'] })
  assert.equal(parsePath('bootstrap.admin.address'), { root: 'bootstrap', steps: ['admin', 'address'] })
  assert.equal(parsePath('envoy.config.core.v3.TypedExtensionConfig["x"].typed_config'), {
    root: 'envoy.config.core.v3.TypedExtensionConfig["x"]',
    steps: ['typed_config'],
  })
})

test('a field with an odd name is quoted; rubbish ends the path', () => {
  assert.equal(parsePath('cds["a"]."od d"[3]').steps, ['od d', 3])
  assert.equal(parsePath('cds["a"].x..y').steps, ['x'])
  assert.equal(parsePath(''), { root: '', steps: [] })
})

test.run()
