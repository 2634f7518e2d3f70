import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CodedError } from './coded-error.ts'
import { trustCheck } from './doctor-trust.ts'
import { readTrust, TRUST_PLACE } from './trust.ts'

const directory = mkdtempSync(join(tmpdir(), 'kmeshc-trust-'))
const at = (name: string): string => join(directory, name)
const pem = (): string => generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()
const [one, two] = [pem(), pem()]
const test = suite('trust')

function folder(name: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(at(name))
  for (const [file, content] of Object.entries(files)) writeFileSync(join(at(name), file), content)
  return at(name)
}

function refusal(named: string | undefined, environment: NodeJS.ProcessEnv = {}): string {
  try {
    return `${readTrust(named, environment)?.keys.length} keys`
  } catch (error) {
    if (error instanceof CodedError) return error.message
    throw error
  }
}

test.after(() => rmSync(directory, { recursive: true, force: true }))

test('a file, a directory, a mounted Secret', () => {
  writeFileSync(at('one.pem'), one)
  assert.is(refusal(at('one.pem')), '1 keys')
  assert.is(refusal(folder('two', { 'a.pem': one, 'b.pem': two })), '2 keys')
  const mounted = folder('mounted', {})
  mkdirSync(join(mounted, '..2026_01'))
  writeFileSync(join(mounted, '..2026_01', 'a.pem'), one)
  symlinkSync('..2026_01', join(mounted, '..data'))
  symlinkSync('..data/a.pem', join(mounted, 'a.pem'))
  assert.is(refusal(mounted), '1 keys')
})

test('the command line comes before the environment', () => {
  assert.is(refusal(undefined, { KMESH_TRUST: at('one.pem') }), '1 keys')
  assert.is(refusal(at('two'), { KMESH_TRUST: at('one.pem') }), '2 keys')
  assert.match(refusal(undefined, { KMESH_TRUST: '' }), /^KM9016/)
})

test('a policy that cannot be used takes nothing', () => {
  for (const [name, files] of Object.entries({
    empty: {},
    'only-hidden': { '.a.pem': one },
    garbage: { 'a.pem': one, 'b.pem': 'hello' },
    readme: { 'a.pem': one, README: 'keys of the platform team' },
    secret: { 'a.pem': generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() },
    rsa: { 'a.pem': generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' }).toString() },
    blank: { 'a.pem': '' },
  }))
    assert.match(refusal(folder(name, files)), /^KM9016: [^\n]+$/, name)
  const nested = folder('nested', { 'a.pem': one })
  mkdirSync(join(nested, 'b'))
  assert.match(refusal(nested), /^KM9016/)
  assert.match(refusal(at('nothing-there')), /^KM9016.*ENOENT/)
  symlinkSync('nowhere', at('dangling'))
  assert.match(refusal(at('dangling')), /^KM9016/)
  assert.match(refusal('/dev/zero'), /^KM9016/)
})

test('there is a policy wherever its default place exists', () => {
  const there = ((): boolean => {
    try {
      readdirSync(TRUST_PLACE)
      return true
    } catch {
      return false
    }
  })()
  if (!there) assert.is(refusal(undefined), 'undefined keys')
  else assert.is.not(refusal(undefined), 'undefined keys')
})

test('doctor says whom the node trusts, and when it takes nothing', () => {
  assert.match(trustCheck({ KMESH_TRUST: at('two') }).detail, /^2 keys in .*two: [0-9a-f]{16}, [0-9a-f]{16}$/)
  const unusable = trustCheck({ KMESH_TRUST: at('empty') })
  assert.equal([unusable.state, unusable.level, unusable.code], ['missing', 'required', 'KM9016'])
})

test('the runtime opens artifacts in the one place that asks for the policy', () => {
  const root = fileURLToPath(new URL('.', import.meta.url))
  const opening = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .filter((name) =>
      /\b(?:openArtifact|readArtifact|readImage|readManifest|readArtifactOrDelta|openArtifactOrDelta|readDelta)\(/.test(
        readFileSync(join(root, name), 'utf8'),
      ),
    )
    .sort()
  assert.equal(opening, ['commands/verify.ts', 'open-trusted.ts'])
})

test.run()
