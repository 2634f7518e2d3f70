/** keygen, sign, verify, and a policy in the way of apply, as a user meets them. Nothing here reaches the kernel. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pack } from '../../compiler/pack/pack.ts'
import { sampleInput, samplePlan } from '../../scripts/kit/sample-artifact.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const loader = join(root, 'node_modules/tsx/dist/loader.mjs')
const directory = mkdtempSync(join(tmpdir(), 'kmeshc-verify-'))
const MAIN = { kmeshc: 'compiler/main.ts', 'kmesh-runtime': 'runtime/main.ts' } as const
const ajv = new Ajv({ strict: true, strictRequired: false })
for (const name of readdirSync(join(root, 'proto')).filter((file) => file.endsWith('.schema.json')))
  ajv.addSchema(JSON.parse(readFileSync(join(root, 'proto', name), 'utf8')) as object)
const test = suite('verify')

interface Run {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function run(name: keyof typeof MAIN, args: readonly string[], environment: NodeJS.ProcessEnv = {}, input = ''): Run {
  return spawnSync(process.execPath, ['--import', loader, join(root, MAIN[name]), ...args], {
    cwd: directory,
    encoding: 'utf8',
    input,
    env: { ...process.env, ...environment },
  })
}

function json(schema: string, { stdout }: Run): Record<string, unknown> & { readonly diagnostics: readonly { readonly code: string }[] } {
  const value = JSON.parse(stdout) as Record<string, unknown> & { diagnostics: { code: string }[] }
  assert.ok(ajv.validate(`${schema}.schema.json`, value), `${schema}: ${ajv.errorsText()}`)
  return value
}

test.before(async () => {
  writeFileSync(join(directory, 'artifact.tar'), (await pack(sampleInput(samplePlan(2, 4)))).bytes)
})
test.after(() => rmSync(directory, { recursive: true, force: true }))

test('from keygen to verify', () => {
  const key = json('keygen', run('kmeshc', ['keygen', '-o', 'key.pem', '--json']))
  assert.equal([key.private, key.public], ['key.pem', 'key.pub.pem'])
  assert.is(statSync(join(directory, 'key.pem')).mode & 0o777, 0o600)
  const unsigned = run('kmesh-runtime', ['verify', 'artifact.tar', '--key', 'key.pub.pem'])
  assert.is(unsigned.status, 1)
  assert.match(unsigned.stderr, /^error KM9013: .*\n {2}fix /)
  const signed = json('sign', run('kmeshc', ['sign', 'artifact.tar', '--key', 'key.pem', '-o', 'signed.tar', '--json']))
  assert.equal(signed.signers, [key.id])
  const verified = json('verify', run('kmesh-runtime', ['verify', 'signed.tar', '--key', 'key.pub.pem', '--json']))
  assert.equal([verified.digest, verified.signers], [signed.digest, [key.id]])
  assert.match(
    run('kmesh-runtime', ['verify', 'signed.tar', '--key', 'key.pub.pem']).stdout,
    new RegExp(`^${String(signed.digest)} is whole`),
  )
})

test('a key from standard input, in place, beside the signature of another', () => {
  copyFileSync(join(directory, 'signed.tar'), join(directory, 'both.tar'))
  assert.is(run('kmeshc', ['keygen', '-o', 'second']).status, 0)
  const pem = readFileSync(join(directory, 'second'), 'utf8')
  const signed = run('kmeshc', ['sign', 'both.tar', '--key', '-', '--json'], {}, pem)
  assert.is((json('sign', signed).signers as unknown[]).length, 2)
  const both = run('kmesh-runtime', ['verify', 'both.tar', '--key', 'key.pub.pem', '--key', 'second.pub.pem', '--json'])
  assert.is((json('verify', both).signers as unknown[]).length, 2)
})

test('a key is never overwritten, and what is no key is told', () => {
  const before = readFileSync(join(directory, 'key.pem'), 'utf8')
  const again = run('kmeshc', ['keygen', '-o', 'key.pem'])
  assert.is(again.status, 1)
  assert.match(again.stderr, /KM1802/)
  assert.is(readFileSync(join(directory, 'key.pem'), 'utf8'), before)
  rmSync(join(directory, 'second'))
  assert.is(run('kmeshc', ['keygen', '-o', 'second']).status, 1, 'the public half is there')
  assert.not.ok(readdirSync(directory).includes('second'), 'no half of a pair stays')
  for (const key of ['key.pub.pem', 'artifact.tar', 'none.pem'])
    assert.equal(
      json('sign', run('kmeshc', ['sign', 'artifact.tar', '--key', key, '--json'])).diagnostics.map(({ code }) => code),
      ['KM9017'],
      key,
    )
})

test('without a key there is nothing to verify against', () => {
  mkdirSync(join(directory, 'empty'))
  assert.match(run('kmesh-runtime', ['verify', 'signed.tar', '--trust', 'empty']).stderr, /KM9016/)
  assert.match(run('kmesh-runtime', ['verify', 'signed.tar'], { KMESH_TRUST: 'nowhere' }).stderr, /KM9016/)
  assert.is(run('kmesh-runtime', ['verify', 'signed.tar', '--trust', 'a', '--key', 'b']).status, 2)
})

test('a policy stands before apply and serve, whether it is named or in the environment', () => {
  mkdirSync(join(directory, 'trust'))
  copyFileSync(join(directory, 'second.pub.pem'), join(directory, 'trust', 'second.pem'))
  const instance = ['--instance', `kmg-${process.pid}`]
  const policy = { KMESH_TRUST: join(directory, 'trust') }
  const named = json('apply', run('kmesh-runtime', ['apply', 'artifact.tar', ...instance, '--json', '--trust', 'trust']))
  assert.equal(
    named.diagnostics.map(({ code }) => code),
    ['KM9013'],
  )
  assert.match(run('kmesh-runtime', ['apply', 'signed.tar', ...instance], policy).stderr, /KM9014/)
  assert.match(run('kmesh-runtime', ['serve', '--artifact', 'signed.tar', ...instance], policy).stderr, /KM9014/)
  assert.match(run('kmesh-runtime', ['apply', 'signed.tar', ...instance], { KMESH_TRUST: join(directory, 'empty') }).stderr, /KM9016/)
})

test.run()
