/**
 * Every real snapshot goes through the front end without a crash, and every field that is set has a class. The data is where KMESH_DATA says.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { analyse } from '../compile.ts'
import { placed } from '../diag/place.ts'
import { createDiagnostics } from '../diag/sink.ts'

const DATA = process.env.KMESH_DATA ?? ''

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory).flatMap((name) => {
    const file = join(directory, name)
    return statSync(file).isDirectory() ? filesBelow(file) : /\.(json|ya?ml)$/.test(name) ? [file] : []
  })
}

const folders = ['snapshots', 'istio'].map((name) => join(DATA, name)).filter((folder) => existsSync(folder))
for (const folder of folders) {
  test(`all fields in ${folder}`, () => {
    const open: string[] = []
    let good = 0
    for (const file of filesBelow(folder)) {
      const diag = createDiagnostics()
      const { coverage, input } = analyse(
        [{ name: file, bytes: readFileSync(file) }],
        { resolve: new Map(), addresses: [], plaintextTo: new Set(), strict: false },
        diag,
        () => undefined,
      )
      if (!diag.failed) good++
      open.push(...coverage.fields.filter((field) => field.class === 'unclassified').map(({ path }) => `${file}: ${path}`))
      for (const { code, severity, fix } of placed(diag.list, input.locate))
        assert.ok(severity === 'warning' || fix !== undefined, `${file}: ${code} has no fix`)
    }
    assert.equal(open, [])
    assert.ok(good > 0)
  })
}

const file = join(DATA, 'istio/istio-bookinfo.json')
if (existsSync(file))
  test('the Istio sidecar of the data compiles its TCP services', () => {
    const diag = createDiagnostics()
    const { program } = analyse(
      [{ name: file, bytes: readFileSync(file) }],
      { resolve: new Map(), addresses: [], plaintextTo: new Set(), strict: false },
      diag,
      () => undefined,
    )
    assert.not.ok(diag.failed)
    const action = (name: string): string => {
      const listener = program.listeners.find((one) => one.name === name)
      const found = listener?.chains[0]?.action ?? listener?.fallback
      return found?.kind === 'cluster' ? (program.clusters[found.cluster]?.target.kind ?? '') : (found?.kind ?? 'none')
    }
    assert.is(action('10.96.1.14_27017'), 'balance')
    assert.is(action('10.96.1.15_3306'), 'balance')
    assert.is(action('0.0.0.0_9080'), 'http')
    assert.is(action('virtualOutbound'), 'original_dst')
    assert.is(action('virtualInbound'), 'none')
  })

test.run()
