import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Diagnostic } from './diagnostic.ts'
import { renderGithub } from './render-github.ts'
import { toSarif } from './render-sarif.ts'

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

test('nothing for nothing', () => {
  assert.is(renderGithub([]), '')
  assert.equal((toSarif([], '1') as { runs: readonly { results: readonly unknown[] }[] }).runs[0]?.results, [])
})

test.run()
