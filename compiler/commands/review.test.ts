/** diff, golden and test as a pipeline runs them: exit codes, JSON by its schema, what stands on which stream. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { diffCommand } from './diff.ts'
import { goldenCommand } from './golden.ts'
import { testCommand } from './test.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const OLD = 'fixtures/demo/canary-10.json'
const NEW = 'fixtures/demo/canary-50.json'
const directory = mkdtempSync(join(tmpdir(), 'kmeshc-review-'))
const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true })
for (const name of readdirSync(join(root, 'proto')).filter((file) => file.endsWith('.schema.json')))
  ajv.addSchema(JSON.parse(readFileSync(join(root, 'proto', name), 'utf8')) as object)

function kmeshc(args: readonly string[], input = ''): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'compiler/main.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
    input,
    maxBuffer: 64 << 20,
  })
  return { code: status, stdout, stderr }
}

interface Output {
  readonly diagnostics: readonly { readonly code: string; readonly file?: string; readonly line?: number }[]
  readonly [key: string]: unknown
}

const NONE = { resolve: undefined, address: [], plaintextTo: undefined, json: true } as const
/** Without a process of its own: what the command line makes of these words is tested by a few that have one. */
const COMMANDS: Readonly<Record<string, (...words: string[]) => number | Promise<number>>> = {
  diff: (old = '', now = '') => diffCommand({ ...NONE, old, new: now, markdown: false }),
  test: (snapshot = '', tests = '', strict = '') => testCommand({ ...NONE, snapshot, tests, strict: strict === '--strict' }),
  golden: (action, directory = '', _only = '', only?: string) =>
    goldenCommand({ action: action as 'check' | 'bless', directory, only, json: true }),
}

async function json(expected: number, command: string, ...words: string[]): Promise<Output> {
  const written: string[] = []
  const { write } = process.stdout
  process.stdout.write = (text: string | Uint8Array) => written.push(String(text)) > 0
  let code: number | undefined
  try {
    code = await COMMANDS[command]?.(...words.map((word) => (word.startsWith('fixtures/') ? join(root, word) : word)))
  } finally {
    process.stdout.write = write
  }
  const stdout = written.join('')
  assert.is(code, expected, `${command} ${words.join(' ')}: ${stdout.slice(0, 500)}`)
  const output = JSON.parse(stdout) as Output
  const validate = ajv.getSchema(`${command}.schema.json`)
  assert.ok(validate?.(output), `${command} ${words.join(' ')}: ${JSON.stringify(validate?.errors?.slice(0, 3))}`)
  return output
}

const file = (name: string, content: string): string => {
  writeFileSync(join(directory, name), content)
  return join(directory, name)
}
const codes = (output: Output): readonly string[] => output.diagnostics.map(({ code }) => code)
const damaged = file('damaged.json', '[{"name": ')

test('diff: 0 the same, 1 different, 2 unreadable or wrong usage', async () => {
  assert.is((await json(0, 'diff', OLD, OLD)).same, true)
  assert.is((await json(1, 'diff', OLD, NEW)).same, false)
  assert.equal(codes(await json(2, 'diff', OLD, damaged)), ['KM1003'])
  assert.equal(codes(await json(2, 'diff', join(directory, 'none.json'), join(directory, 'none.tar'))), ['KM1001', 'KM9001'])
  assert.equal(codes(await json(2, 'diff', OLD, file('no.tar', 'text'))), ['KM9002'])
  const { code: status, stdout: printed } = kmeshc(['diff', OLD, NEW, '--json'])
  assert.is(status, 1)
  assert.is((JSON.parse(printed) as Output).same, false)
  for (const args of [
    ['diff', OLD],
    ['diff', '-', '-'],
    ['diff', OLD, NEW, '--json', '--markdown'],
  ]) {
    const { code, stdout, stderr } = kmeshc(args)
    assert.is(code, 2, args.join(' '))
    assert.is(stdout, '')
    assert.match(stderr, 'kmeshc --help')
  }
})

test('diff: text, Markdown, standard input', async () => {
  const text = kmeshc(['diff', OLD, NEW])
  assert.is(text.code, 1)
  assert.match(text.stdout, '~ to "outbound|8080|v1|web.shop.svc.cluster.local"  weight 90 -> 50')
  assert.match(text.stdout, /services +1: web\.shop\.svc\.cluster\.local/)
  assert.match(text.stdout, /clang +does not run/)
  assert.match(kmeshc(['diff', OLD, NEW, '--markdown']).stdout, /^### Mesh configuration: 2 changed\n/)
  assert.is(kmeshc(['diff', '-', OLD], readFileSync(join(root, OLD), 'utf8')).code, 0)
})

test('diff: artifacts, and an artifact with a snapshot', async () => {
  const [old, now] = [join(directory, 'old.tar'), join(directory, 'new.tar')]
  for (const [snapshot, artifact] of [
    [OLD, old],
    [NEW, now],
  ] as const)
    assert.is(kmeshc(['compile', snapshot, '-o', artifact]).code, 0)
  const both = await json(1, 'diff', old, now)
  assert.is(both.level, 'kernel')
  assert.equal(both.diagnostics, [])
  const mixed = await json(1, 'diff', OLD, now)
  assert.equal(codes(mixed), ['KM1901'])
  assert.equal(mixed.changes, both.changes, 'a snapshot is what it compiles to')
  assert.equal(mixed.blast, both.blast)
  assert.equal(codes(await json(0, 'diff', now, NEW)), ['KM1901'])
})

const TESTS = `
- name: redis
  dial: {address: "127.96.0.20:6379"}
  expect: {outcome: balanced, cluster: "outbound|6379||cache.shop.svc.cluster.local"}
- name: canary
  dial: {address: "127.96.0.10:8080"}
  expect: {clusters: {"outbound|8080|v1|web.shop.svc.cluster.local": 90%, "outbound|8080|v2|web.shop.svc.cluster.local": 10%}}
`

test('test: 0 all pass, 1 a failure or a file that is wrong', async () => {
  const tests = file('tests.yaml', TESTS)
  assert.is((await json(0, 'test', OLD, tests)).passed, 2)
  const failed = await json(1, 'test', NEW, tests)
  assert.is(failed.failed, 1)
  const told = failed.diagnostics.find(({ code }: { readonly code: string }) => code === 'KM1922')
  assert.equal([told?.file, told?.line], [tests, 5])
  const text = kmeshc(['test', NEW, tests])
  assert.is(text.code, 1)
  assert.match(text.stdout, 'FAIL  canary')
  assert.match(text.stdout, 'expected 90%, got 50%')
  assert.equal(codes(await json(1, 'test', OLD, file('wrong.yaml', '- {name: x}'))), ['KM1921'])
  assert.equal(codes(await json(1, 'test', damaged, tests)), ['KM1003'])
  assert.equal(codes(await json(1, 'test', OLD, join(directory, 'none.yaml'))), ['KM1001'])
  assert.is(kmeshc(['test', OLD]).code, 2)
})

test('test --strict: every route is reached', async () => {
  const snapshot = file(
    'routes.json',
    JSON.stringify([
      {
        '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
        name: 'web',
        virtual_hosts: [
          {
            name: 'a',
            domains: ['*'],
            routes: [
              { match: { prefix: '/a' }, direct_response: { status: 200 } },
              { match: { prefix: '/' }, direct_response: { status: 404 } },
            ],
          },
        ],
      },
    ]),
  )
  const one = file('one.yaml', '- {request: GET http://h/a, expect: {status: 200}}')
  const output = await json(0, 'test', snapshot, one)
  assert.equal(
    (output.coverage as { unreached: readonly { route: string; line: number }[] }).unreached.map(({ route, line }) => [route, line]),
    [['prefix "/"', 1]],
  )
  assert.equal(codes(output), ['KM1923'])
  await json(1, 'test', snapshot, one, '--strict')
  json(
    0,
    'test',
    snapshot,
    file('two.yaml', '- {request: GET http://h/a, expect: {status: 200}}\n- {request: GET http://h/b, expect: {status: 404}}'),
    '--strict',
  )
})

test('golden: bless, check, change, damage', async () => {
  const cases = join(directory, 'golden')
  const shop = join(cases, 'shop')
  mkdirSync(shop, { recursive: true })
  assert.equal(codes(await json(1, 'golden', 'check', cases)), ['KM1911'])
  cpSync(join(root, OLD), join(shop, 'snapshot.json'))
  writeFileSync(join(shop, 'tests.yaml'), TESTS)
  assert.equal(codes(await json(1, 'golden', 'check', cases)), ['KM1912'])
  await json(0, 'golden', 'bless', cases)
  const blessed = readdirSync(join(shop, 'blessed')).sort()
  assert.equal(
    blessed,
    ['coverage.txt', 'diagnostics.txt', 'ir.txt', 'plan.txt', 'routes.txt', 'tests.txt'].filter((name) => blessed.includes(name)),
  )
  assert.ok(
    ['coverage.txt', 'ir.txt', 'plan.txt', 'tests.txt'].every((name) => blessed.includes(name)),
    blessed.join(),
  )
  assert.equal(codes(await json(0, 'golden', 'check', cases)), [])

  // layout is no content
  writeFileSync(join(shop, 'snapshot.json'), JSON.stringify(JSON.parse(readFileSync(join(root, OLD), 'utf8'))))
  await json(0, 'golden', 'check', cases)

  cpSync(join(root, NEW), join(shop, 'snapshot.json'))
  const changed = kmeshc(['golden', 'check', cases])
  assert.is(changed.code, 1)
  assert.match(changed.stdout, 'ir.txt: different')
  assert.match(changed.stdout, /- .*v1\|web.* 90/)
  assert.equal([...codes(await json(1, 'golden', 'check', cases))].sort(), ['KM1913', 'KM1922'])
  rmSync(join(shop, 'tests.yaml'))
  await json(0, 'golden', 'bless', cases)
  assert.not.ok(existsSync(join(shop, 'blessed', 'tests.txt')), 'what nothing makes is removed')
  writeFileSync(join(shop, 'blessed', 'old.txt'), 'x')
  assert.equal(codes(await json(1, 'golden', 'check', cases)), ['KM1914'])
  rmSync(join(shop, 'blessed', 'old.txt'))
  assert.equal(codes(await json(1, 'golden', 'check', cases, '--only', 'nothing')), ['KM1911'])
  writeFileSync(join(shop, 'options.json'), '{"nonsense": 1}')
  assert.equal(codes(await json(1, 'golden', 'check', cases)), ['KM1915'])
  assert.is(kmeshc(['golden', 'nonsense', cases]).code, 2)
})

test('golden: a snapshot that is refused has its diagnostics blessed', async () => {
  const cases = join(directory, 'refused')
  mkdirSync(join(cases, 'bad'), { recursive: true })
  writeFileSync(join(cases, 'bad', 'snapshot.json'), '[{"name": ')
  await json(0, 'golden', 'bless', cases)
  assert.match(readFileSync(join(cases, 'bad', 'blessed', 'diagnostics.txt'), 'utf8'), 'error KM1003')
  await json(0, 'golden', 'check', cases)
})

test.after(() => rmSync(directory, { recursive: true, force: true }))

test.run()
