/** docs/metrics.md, the dashboard and the alerts speak of metrics that there are. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { type Family, FAMILIES } from './families.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const text = (path: string): string => readFileSync(`${ROOT}/${path}`, 'utf8')
const families: readonly Family[] = Object.values(FAMILIES)
const SUFFIX = { counter: '_total', gauge: '', info: '_info' } as const
const sampled = new Map(families.map((family) => [`${family.name}${SUFFIX[family.type]}`, family]))

test('the table of docs/metrics.md is the list of families, word for word', () => {
  const rows = text('docs/metrics.md')
    .split('\n')
    .filter((line) => line.startsWith('| kmesh_'))
    .map((line) =>
      line
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.trim()),
    )
  assert.equal(
    rows,
    families.map(({ name, type, labels, help }) => [name, type, labels.join(', '), help].map((cell) => cell.trim())),
  )
})

test('names follow the rules of OpenMetrics', () => {
  assert.is(new Set(families.map(({ name }) => name)).size, families.length)
  for (const { name, type, unit, labels, help } of families) {
    assert.match(name, /^kmesh_[a-z][a-z0-9_]*$/)
    assert.not.match(name, /_(?:total|info|created|bucket|count|sum)$/, name)
    if (unit !== undefined) assert.ok(name.endsWith(`_${unit}`), name)
    for (const label of labels) assert.match(label, /^[a-z][a-z_]*$/)
    assert.match(help, /\.$/, name)
    if (type === 'info') assert.ok(labels.length > 0)
  }
})

/** Names of ours in an expression, each with the labels that it is asked for. */
function asked(expression: string): readonly (readonly [name: string, labels: readonly string[]])[] {
  return [...expression.matchAll(/\b(kmesh_[a-z0-9_]+)(?:\{([^}]*)\})?/g)].map(([, name = '', labels = '']) => [
    name,
    [...labels.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  ])
}

/** What an expression asks for that there is not; nothing is one fault, too. */
function faults(expression: string): readonly string[] {
  const found = asked(expression)
  const known = new Set(['job', 'instance'])
  const has = (name: string, label: string): boolean => known.has(label) || sampled.get(name)?.labels.includes(label) === true
  const grouped = [...expression.matchAll(/\b(?:by|on|ignoring)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(','))
  return [
    ...(found.length === 0 ? ['nothing of ours'] : []),
    ...found.flatMap(([name, labels]) =>
      sampled.has(name) ? labels.filter((label) => !has(name, label)).map((label) => `${name}{${label}}`) : [name],
    ),
    ...grouped.map((label) => label.trim()).filter((label) => label !== '' && !found.some(([name]) => has(name, label))),
  ]
}

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string }
}

test('alerts ask for metrics and labels that there are', () => {
  const { groups } = parse(text('deploy/prometheus/alerts.yaml')) as { groups: { rules: Rule[] }[] }
  const rules = groups.flatMap((group) => group.rules)
  assert.ok(rules.length >= 10)
  for (const { alert, expr, labels, annotations } of rules) {
    assert.equal(faults(expr), [], alert)
    assert.ok(['critical', 'warning', 'info'].includes(labels.severity), alert)
    assert.ok(annotations.summary !== '' && annotations.description !== '', alert)
  }
})

interface Panel {
  readonly title: string
  readonly type: string
  readonly targets?: readonly { readonly expr: string }[]
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
}

test('so does the dashboard, whose panels do not lie on each other', () => {
  const { panels, templating } = JSON.parse(text('deploy/prometheus/dashboard.json')) as {
    panels: Panel[]
    templating: { list: { name: string; query?: unknown }[] }
  }
  const drawn = panels.filter(({ type }) => type !== 'row')
  assert.ok(drawn.length >= 12)
  for (const { title, targets = [] } of drawn) {
    assert.ok(targets.length > 0, title)
    for (const { expr } of targets) assert.equal(faults(expr), [], title)
  }
  const cells = new Set<string>()
  for (const { title, gridPos } of panels)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(x < 24 && !cells.has(`${x} ${y}`), title)
        cells.add(`${x} ${y}`)
      }
  assert.ok(templating.list.some(({ name }) => name === 'datasource'))
})

test('the check finds what is wrong', () => {
  assert.equal(faults('rate(kmesh_nothing_total[5m])'), ['kmesh_nothing_total'])
  assert.equal(faults('kmesh_up{cluster="x"}'), ['kmesh_up{cluster}'])
  assert.equal(faults('sum by (route) (kmesh_up)'), ['route'])
  assert.equal(faults('vector(0)'), ['nothing of ours'])
})

test.run()
