/** The GitHub Action and the pre-commit hooks: their scripts are valid, use declared inputs only, take no input into a script's text, and compare as they say. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'

interface Action {
  readonly inputs: Readonly<Record<string, { readonly description: string }>>
  readonly outputs: Readonly<Record<string, { readonly value: string }>>
  readonly runs: { readonly using: string; readonly steps: readonly Step[] }
}

interface Step {
  readonly name?: string
  readonly id?: string
  readonly run?: string
  readonly shell?: string
  readonly env?: Readonly<Record<string, string>>
}

const root = fileURLToPath(new URL('..', import.meta.url))
const text = readFileSync(join(root, 'action.yml'), 'utf8')
const action = parse(text) as Action
const directory = mkdtempSync(join(tmpdir(), 'kmeshc-action-'))

test('inputs and steps that are referred to exist, and every input is used', () => {
  const used = new Set([...text.matchAll(/\binputs\.(\w+)/g)].map(([, name]) => name as string))
  assert.equal([...used].sort(), Object.keys(action.inputs).sort())
  const ids = action.runs.steps.map(({ id }) => id)
  for (const [, id] of text.matchAll(/\bsteps\.(\w+)\./g)) assert.ok(ids.includes(id), id)
})

test('scripts are valid, and nothing is pasted into them', () => {
  for (const { name, run, shell } of action.runs.steps) {
    if (run === undefined) continue
    assert.is(shell, 'bash', name)
    assert.not.match(run, '${{')
    const { status, stderr } = spawnSync('bash', ['-n'], { input: run, encoding: 'utf8' })
    assert.is(status, 0, `${name}: ${stderr}`)
  }
})

function git(repository: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.com', '-c', 'commit.gpgsign=false']
  const { status, stdout, stderr } = spawnSync('git', [...identity, ...args], { cwd: repository, encoding: 'utf8' })
  assert.is(status, 0, `git ${args.join(' ')}: ${stderr}`)
  return stdout.trim()
}

test('the step that compares with the base', () => {
  const repository = join(directory, 'repository')
  mkdirSync(join(repository, 'mesh'), { recursive: true })
  git(repository, 'init', '--quiet')
  const snapshot = (fixture: string): void => cpSync(join(root, 'fixtures/demo', fixture), join(repository, 'mesh/snapshot.json'))
  snapshot('canary-10.json')
  git(repository, 'add', '.')
  git(repository, 'commit', '--quiet', '-m', 'base')
  const base = git(repository, 'rev-parse', 'HEAD')
  const step = action.runs.steps.find(({ id }) => id === 'diff')
  const run = (name: string) => {
    const [output, summary] = ['output', 'summary'].map((file) => join(directory, file)) as [string, string]
    for (const file of [output, summary]) writeFileSync(file, '')
    const env = {
      ...process.env,
      ...{ SNAPSHOT: name, BASE: base, RUNNER_TEMP: directory, GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: summary },
      ...{ KMESHC: join(root, 'compiler/main.ts'), NODE_OPTIONS: `--import ${import.meta.resolve('tsx')}` },
    }
    const { status, stderr } = spawnSync('bash', ['-eo', 'pipefail', '-c', step?.run ?? 'false'], {
      cwd: repository,
      encoding: 'utf8',
      env,
    })
    return { status, stderr, output: readFileSync(output, 'utf8'), summary: readFileSync(summary, 'utf8') }
  }
  const same = run('mesh')
  assert.is(same.status, 0, same.stderr)
  assert.match(same.output, 'same=true')
  snapshot('canary-50.json')
  const different = run('mesh/snapshot.json')
  assert.is(different.status, 0, different.stderr)
  assert.match(different.output, 'same=false')
  assert.match(different.summary, '### Mesh configuration: 2 changed')
  writeFileSync(join(repository, 'mesh/new.json'), '[]')
  assert.match(run('mesh/new.json').summary, 'mesh/new.json is new')
  writeFileSync(join(repository, 'mesh/snapshot.json'), '[{')
  assert.is(run('mesh/snapshot.json').status, 1, 'what cannot be read fails')
})

test('pre-commit hooks name commands that exist', () => {
  const hooks = parse(readFileSync(join(root, '.pre-commit-hooks.yaml'), 'utf8')) as readonly {
    readonly id: string
    readonly entry: string
  }[]
  assert.equal(
    hooks.map(({ id }) => id),
    ['kmeshc-check', 'kmeshc-golden'],
  )
  const main = readFileSync(join(root, 'compiler/main.ts'), 'utf8')
  for (const { entry } of hooks) {
    const [, command] = /kmeshc (\w+)/.exec(entry) ?? []
    assert.match(main, `'${command} <`)
  }
})

test.after(() => rmSync(directory, { recursive: true, force: true }))

test.run()
