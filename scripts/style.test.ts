import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sourceFiles } from './imports.ts'
import { sourceProblems, textProblems } from './style.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const NOT_OURS = new Set(['node_modules', '.git', 'dist', '.venv', '.cache', 'coverage'])
const REQUIRED = [
  'package.json',
  'tsconfig.json',
  'compiler',
  'runtime',
  'templates',
  'bpf',
  'proto',
  'fixtures',
  'snapshots',
  'scripts',
  'README.md',
  'LICENSE',
  '.ci',
]
/** The last two are looked for here by GitHub and by pre-commit. */
const ALLOWED = [
  'deploy',
  'docs',
  ...REQUIRED,
  '.gitignore',
  'biome.json',
  'package-lock.json',
  'tsconfig.build.json',
  'action.yml',
  '.pre-commit-hooks.yaml',
]

/** Everything that belongs to the repository, as paths from its root. */
function ownFiles(directory: string): readonly string[] {
  return readdirSync(join(root, directory)).flatMap((name) => {
    const path = join(directory, name)
    if (NOT_OURS.has(name) || name.includes('.gen.') || name === '__pycache__') return []
    return statSync(join(root, path)).isDirectory() ? ownFiles(path) : [path]
  })
}

const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const files = ownFiles('.')

test('the habits of the code base hold in every source file', () => {
  assert.equal(
    sourceFiles(root).flatMap((file) => sourceProblems(file, read(file))),
    [],
  )
})

test('nothing is true of one machine only', () => {
  assert.ok(files.length > 100)
  assert.equal(
    files.flatMap((file) => textProblems(file, read(file))),
    [],
  )
})

test('the top level is as agreed', () => {
  const names = new Set(files.map((file) => file.split('/')[0] as string))
  assert.equal(
    REQUIRED.filter((name) => !names.has(name)),
    [],
    'missing',
  )
  assert.equal(
    [...names].filter((name) => !ALLOWED.includes(name)),
    [],
    'surplus',
  )
})

test('package.json names both commands and what one may run', () => {
  const { bin, scripts, engines, license, type } = JSON.parse(read('package.json')) as Record<string, never> & {
    bin: object
    scripts: object
    engines: { node: string }
  }
  assert.equal(bin, { kmeshc: 'dist/compiler/main.js', 'kmesh-runtime': 'dist/runtime/main.js' })
  assert.equal(Object.keys(scripts).sort(), [
    'bench',
    'bench:generations',
    'bench:http',
    'bless',
    'build',
    'dev',
    'format',
    'fuzz:chains',
    'fuzz:envoy',
    'fuzz:input',
    'fuzz:l4',
    'fuzz:refusals',
    'limits',
    'lint',
    'soak:http',
    'stress',
    'test',
  ])
  assert.equal([engines.node, license, type], ['>=20', 'Apache-2.0', 'module'])
})

test('every piece of C says its licence', () => {
  const c = files.filter((file) => /^(?:bpf|templates)\/.*\.(?:c|h|hbs)$/.test(file))
  assert.ok(c.length > 3)
  for (const file of c) assert.match(read(file).slice(0, 200), 'SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause', file)
  assert.match(read('LICENSE'), 'Apache License')
})

test('the linter forbids what the habits forbid', () => {
  const biome = JSON.parse(read('biome.json')) as { linter: { rules: Record<string, Record<string, string>> } }
  for (const [group, rule] of [
    ['suspicious', 'noExplicitAny'],
    ['style', 'noDefaultExport'],
    ['performance', 'noBarrelFile'],
  ] as const) {
    assert.is(biome.linter.rules[group]?.[rule], 'error', rule)
  }
})

test('folders are families, at most three deep', () => {
  const folders = new Map<string, number>()
  for (const file of sourceFiles(root)) {
    const folder = file.slice(0, file.lastIndexOf('/'))
    folders.set(folder, (folders.get(folder) ?? 0) + 1)
    assert.ok(file.split('/').length <= 4, `${file} is too deep`)
  }
  assert.equal(
    [...folders].filter(([, count]) => count === 1).map(([folder]) => folder),
    [],
    'folders with one file',
  )
})

test('it notices what it is for', () => {
  const count = (file: string, text: string): number => sourceProblems(file, `/** head */\n${text}\n`).length
  assert.is(count('compiler/a.ts', 'export const a = 1'), 0)
  for (const text of [
    'let a: any',
    'enum A { B }',
    'export default 1',
    'export default function f() {}',
    "export * from './b.ts'",
    'export function f(a: boolean) {}',
    'export const f = (a: boolean) => a',
  ]) {
    assert.is(count('compiler/a.ts', text), 1, text)
  }
  assert.is(count('compiler/utils/a.ts', ''), 1)
  assert.is(count('compiler/aB.ts', ''), 1)
  assert.is(count('compiler/a.test.ts', ['test', 'skip("x", f)'].join('.')), 1)
  assert.is(count('compiler/a.ts', '\n'.repeat(400)), 1)
  assert.is(sourceProblems('compiler/a.ts', 'export const a = 1\n').length, 1, 'no head')
  const slash = '/'
  for (const text of [
    `cd ${slash}work${slash}main`,
    `"${slash}root${slash}x"`,
    `${slash}home${slash}someone`,
    `${slash}t${'mp'}${slash}x`,
    ['registry', 'npmjs', 'org'].join('.'),
  ]) {
    assert.is(textProblems('a', text).length, 1, text)
  }
  for (const text of ['network/root cause', './work/a', 'the /proc/self/mountinfo', '../root/x', 'a/work/b', 'cgroup.root/tmp', '}/root'])
    assert.is(textProblems('a', text).length, 0, text)
})

test.run()
