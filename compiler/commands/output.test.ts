/** Every command as a user runs it: exit code, and JSON that follows its schema, also when there are errors. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

interface Output {
  readonly diagnostics: readonly { readonly code: string; readonly severity: string; readonly file?: string; readonly line?: number }[]
  readonly [key: string]: unknown
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const SNAPSHOT = 'fixtures/demo/canary-10.json'
const directory = mkdtempSync(join(tmpdir(), 'kmeshc-output-'))
const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true })
for (const name of readdirSync(join(root, 'proto')).filter((file) => file.endsWith('.schema.json'))) {
  ajv.addSchema(JSON.parse(readFileSync(join(root, 'proto', name), 'utf8')) as object)
}

function kmeshc(...args: string[]): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'compiler/main.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
  return { code: status, stdout, stderr }
}

/** Runs with --json; the first argument names the schema. */
function json(expected: number, command: string, ...args: string[]): Output {
  const { code, stdout, stderr } = kmeshc(command, ...args, '--json')
  assert.is(code, expected, `${command}: ${stderr}${stdout.slice(0, 500)}`)
  const output = JSON.parse(stdout) as Output
  const validate = ajv.getSchema(`${command}.schema.json`)
  assert.ok(validate?.(output), `${command}: ${JSON.stringify(validate?.errors?.slice(0, 3))}`)
  assert.is(stderr, '', 'nothing else is said')
  return output
}

const codes = (output: Output): readonly string[] =>
  output.diagnostics.filter(({ severity }) => severity === 'error').map(({ code }) => code)
const file = (name: string, content: string): string => {
  writeFileSync(join(directory, name), content)
  return join(directory, name)
}
const damaged = file('damaged.json', '[{"name": ')

test('compile, inspect', () => {
  const artifact = join(directory, 'artifact.tar')
  const compiled = json(0, 'compile', SNAPSHOT, '-o', artifact, '--time')
  const inspected = json(0, 'inspect', artifact)
  assert.is((compiled.artifact as { digest: string }).digest, inspected.digest)
  assert.equal((compiled.artifact as { config: object }).config, inspected.config)
  assert.is((compiled.artifact as { bytes: number }).bytes, readFileSync(artifact).length)
  const again = join(directory, 'again.tar')
  json(0, 'compile', SNAPSHOT, '-o', again)
  assert.ok(readFileSync(again).equals(readFileSync(artifact)))
  assert.is((json(0, 'compile', SNAPSHOT, '--emit', 'plan').emit as { stage: string }).stage, 'plan')
})

test('a compile with errors writes nothing', () => {
  const artifact = join(directory, 'none.tar')
  const output = json(1, 'compile', damaged, '-o', artifact)
  assert.equal(codes(output), ['KM1003'])
  assert.is(output.diagnostics[0]?.file, damaged)
  assert.is(output.artifact, undefined)
  assert.not.ok(readdirSync(directory).includes('none.tar'))
  assert.equal(codes(json(1, 'compile', SNAPSHOT, '-o', join(directory, 'no', 'such', 'folder.tar'))), ['KM1802'])
})

test('check and coverage', () => {
  for (const command of ['check', 'coverage']) {
    json(0, command, SNAPSHOT)
    assert.equal(codes(json(1, command, join(directory, 'missing.json'))), ['KM1001'])
  }
  const { diagnostics } = json(0, 'check', SNAPSHOT)
  assert.ok(
    diagnostics.length > 0 && diagnostics.every(({ file: name, line }) => name === SNAPSHOT && line !== undefined && line > 1),
    'each has a position',
  )
})

test('locate', () => {
  const { position } = json(0, 'locate', 'cds["BlackHoleCluster"]', SNAPSHOT) as Output & { position: { file: string; line: number } }
  assert.is(position.file, SNAPSHOT)
  assert.ok(position.line > 1)
  assert.match(kmeshc('locate', 'cds["BlackHoleCluster"]', SNAPSHOT).stdout, new RegExp(`^${SNAPSHOT}:${position.line}:\\d+\n$`))
  assert.equal(codes(json(1, 'locate', 'cds["nobody"]', SNAPSHOT)), ['KM1803'])
})

test('inspect of what is no artifact', () => {
  assert.equal(codes(json(1, 'inspect', join(directory, 'missing.tar'))), ['KM9001'])
  assert.match(kmeshc('inspect', damaged).stderr, 'KM9002')
})

test('check for CI: SARIF and workflow commands have the same findings and exit codes', () => {
  for (const [snapshot, code] of [
    [SNAPSHOT, 0],
    [damaged, 1],
  ] as const) {
    const { diagnostics } = json(code, 'check', snapshot)
    const sarif = kmeshc('check', snapshot, '--format', 'sarif')
    const github = kmeshc('check', snapshot, '--format', 'github')
    assert.equal([sarif.code, github.code], [code, code])
    const { results } = (JSON.parse(sarif.stdout) as { runs: readonly { results: readonly { ruleId: string }[] }[] }).runs[0] ?? {
      results: [],
    }
    assert.equal(
      results.map(({ ruleId }) => ruleId),
      diagnostics.map((one) => one.code),
    )
    assert.is(github.stdout.split('\n').filter((line) => /^::(error|warning) /.test(line)).length, diagnostics.length)
  }
  assert.equal(JSON.parse(kmeshc('check', SNAPSHOT, '--format', 'json').stdout), json(0, 'check', SNAPSHOT))
})

test('explain', () => {
  assert.is(json(0, 'explain', 'km9005').code, 'KM9005')
  assert.ok((json(0, 'explain').codes as readonly object[]).length > 100)
  assert.is(kmeshc('explain', 'KM0000').code, 2)
})

test('wrong usage is exit 2, and says where help is', () => {
  for (const args of [[], ['nonsense'], ['compile', SNAPSHOT], ['inspect', 'a', '--nonsense']]) {
    const { code, stdout, stderr } = kmeshc(...args)
    assert.is(code, 2, args.join(' '))
    assert.is(stdout, '')
    assert.match(stderr, 'kmeshc --help')
  }
})

test.after(() => rmSync(directory, { recursive: true, force: true }))

test.run()
