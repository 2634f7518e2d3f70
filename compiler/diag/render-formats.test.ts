import { Ajv } from 'ajv'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Diagnostic } from './diagnostic.ts'
import { renderGithub } from './render-github.ts'
import { toSarif } from './render-sarif.ts'
import { SARIF_STRUCTURE } from './sarif-structure.ts'

interface Log {
  readonly runs: readonly {
    readonly results: readonly {
      readonly locations: readonly { readonly physicalLocation: { readonly artifactLocation: { readonly uri: string } } }[]
    }[]
  }[]
}

const one: Diagnostic = {
  code: 'KM2001',
  severity: 'error',
  message: 'the domain "a" is there twice\n::error::100%',
  path: 'rds["x"].virtual_hosts[0].domains[1]',
  fix: 'remove one',
  file: 'a b/x:1,2.json',
  line: 4,
  column: 7,
}

test('github: one line, with nothing that begins a command', () => {
  assert.is(
    renderGithub([one]),
    '::error file=a b/x%3A1%2C2.json,line=4,col=7,title=KM2001::the domain "a" is there twice%0A::error::100%25%0Aat rds["x"].virtual_hosts[0].domains[1]%0Afix: remove one\n',
  )
  const { file, line, column, fix, ...bare } = one
  assert.is(renderGithub([{ ...bare, message: 'm', path: '', severity: 'warning' }]), '::warning title=KM2001::m\n')
  assert.ok(file && line && column && fix)
})

test('sarif: results point at rules and places', () => {
  const other: Diagnostic = { code: 'KM1001', severity: 'warning', message: 'm', path: '' }
  const log = JSON.parse(JSON.stringify(toSarif([one, other, one], '1.2.3')))
  assert.is(log.version, '2.1.0')
  const [{ tool, results }] = log.runs
  assert.is(tool.driver.version, '1.2.3')
  assert.equal(
    tool.driver.rules.map(({ id }: { id: string }) => id),
    ['KM1001', 'KM2001'],
  )
  assert.equal(
    results.map(({ ruleId, ruleIndex, level }: Record<string, unknown>) => [ruleId, ruleIndex, level]),
    [
      ['KM2001', 1, 'error'],
      ['KM1001', 0, 'warning'],
      ['KM2001', 1, 'error'],
    ],
  )
  assert.equal(results[0].locations, [
    {
      physicalLocation: { artifactLocation: { uri: 'a%20b/x%3A1%2C2.json' }, region: { startLine: 4, startColumn: 7 } },
      logicalLocations: [{ fullyQualifiedName: one.path }],
    },
  ])
  assert.is(results[1].locations, undefined)
})

test('sarif: the log has the structure of the standard, whatever a snapshot and a file are called', () => {
  const follows = new Ajv({ strict: true, strictRequired: false, formats: { uri: true } }).compile(SARIF_STRUCTURE)
  const files = ['-', '<stdin>', '/srv/mesh/a.json', 'C:\\x.json', 'ä b/%41#?.yaml', '../a.json', "it's(1).json", undefined]
  const list = files.flatMap((file): readonly Diagnostic[] => [
    {
      code: 'KM2001',
      severity: 'error',
      message: '\ud800 <b>"',
      path: 'rds["x"]',
      ...(file !== undefined && { file, line: 1, column: 1 }),
    },
    { code: 'KM1001', severity: 'warning', message: 'm', path: '', fix: 'do', ...(file !== undefined && { file }) },
  ])
  for (const log of [toSarif(list, '1.2.3'), toSarif([], '1')]) {
    const read = JSON.parse(JSON.stringify(log)) as {
      readonly runs: readonly { readonly results: readonly { readonly ruleIndex: number }[] }[]
    }
    assert.is(follows(read), true, JSON.stringify(follows.errors))
  }
  // that it can say no
  for (const wrong of [{ version: '2.1.0' }, { version: '2.0.0', runs: [] }, { version: '2.1.0', runs: [{ tool: {} }] }])
    assert.is(follows(wrong), false)
  const { uri } =
    (toSarif([{ ...one, file: '/srv/a b.json' }], '1') as Log).runs[0]?.results[0]?.locations[0]?.physicalLocation.artifactLocation ?? {}
  assert.is(uri, 'file:///srv/a%20b.json')
})

test('github: nothing of a snapshot or a file name ends the line, a property or the list of properties', () => {
  const text = renderGithub([
    { ...one, file: 'a,line=9::x\r\n::set-env%0A', message: 'x\r\n::error::y%0D', path: 'p\n::q', fix: '::warning::' },
  ])
  assert.is(text.split('\n').length, 2)
  assert.not(/[\r]/.test(text))
  assert.is(
    text,
    '::error file=a%2Cline=9%3A%3Ax%0D%0A%3A%3Aset-env%250A,line=4,col=7,title=KM2001::x%0D%0A::error::y%250D%0Aat p%0A::q%0Afix: ::warning::\n',
  )
})

test('nothing for nothing', () => {
  assert.is(renderGithub([]), '')
  assert.equal((toSarif([], '1') as { runs: readonly { results: readonly unknown[] }[] }).runs[0]?.results, [])
})

test.run()
