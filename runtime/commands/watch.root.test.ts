/** `kmesh-runtime watch` as an operator runs it, into the kernel: a directory, and a registry that skopeo fills. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Ajv } from 'ajv'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { signArtifact } from '../../compiler/pack/sign.ts'
import type { Artifact } from '../../proto/artifact/format.ts'
import { readArtifact } from '../../proto/artifact/read.ts'
import { readPrivateKey } from '../../proto/signature/key.ts'
import { command } from '../../scripts/commands.ts'
import { deltaFile } from '../../scripts/kit/artifacts-delta.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { governedArtifact } from '../../scripts/kit/governed-artifact.ts'
import { startRegistry } from '../../scripts/kit/registry.ts'
import { detach } from '../detach.ts'
import { readInForce } from '../in-force.ts'
import { existingPins } from '../place.ts'

const INSTANCE = `kmg-watch-${process.pid}`
const ADDRESS = '127.67.0.4'
const test = suite('watch')
const folder = mkdtempSync(join(tmpdir(), 'kmg-'))
undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
  rmSync(folder, { recursive: true, force: true })
})

const ajv = new Ajv({ strict: true, strictRequired: false })
const schemas = new URL('../../proto/', import.meta.url)
for (const name of readdirSync(schemas))
  if (name.endsWith('.schema.json')) ajv.addSchema(JSON.parse(readFileSync(new URL(name, schemas), 'utf8')) as object)

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const key = readPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'test')
mkdirSync(join(folder, 'trust'))
writeFileSync(join(folder, 'trust', 'ours.pem'), publicKey.export({ type: 'spki', format: 'pem' }))

interface Line {
  readonly event: string
  readonly generation?: number
  readonly digest?: string
  readonly moved?: { readonly blobs: number }
  readonly diagnostics: readonly { readonly code: string }[]
}

interface Running {
  next(): Promise<Line>
  /** what it said that nobody asked for, and its exit code */
  end(): Promise<readonly [readonly Line[], number | null]>
}

async function artifact(endpoints: number): Promise<{ readonly bytes: Uint8Array; readonly signed: Uint8Array; readonly digest: string }> {
  const list = Array.from({ length: endpoints }, (_, index) => `127.67.1.${index + 1}:8080`)
  const { bytes } = await governedArtifact([{ name: 'shop', address: '127.67.0.50', port: 80, endpoints: list }])
  const signed = await signArtifact(bytes, key)
  if (signed.kind === 'invalid') throw new Error(signed.error.message)
  return { bytes, signed: signed.bytes, digest: signed.digest }
}

type Signed = Awaited<ReturnType<typeof artifact>>

function opened(bytes: Uint8Array): Artifact {
  const read = readArtifact(bytes)
  if (read.kind === 'invalid') throw new Error(read.error.message)
  return read.artifact
}

const unsigned = ({ bytes }: Signed): string => opened(bytes).digest

/** Leads on from the signed base, as it is in force. */
async function signedDelta(base: Signed, next: Signed): Promise<Uint8Array> {
  const made = await signArtifact(await deltaFile(opened(base.signed), opened(next.bytes)), key)
  if (made.kind === 'invalid') throw new Error(made.error.message)
  return made.bytes
}

const RUN = [...command('kmesh-runtime'), 'watch'] as const

function watching(...args: readonly string[]): Running {
  const [program, ...rest] = RUN
  const child: ChildProcess = spawn(program, [...rest, ...args, '--instance', INSTANCE, '--json', '--interval', '0.1'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const off = undoAtExit(() => child.kill('SIGKILL'))
  const lines: Line[] = []
  let wake = (): void => undefined
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (text) => {
    const line = JSON.parse(text) as Line
    assert.ok(ajv.validate('watch.schema.json', line), `${ajv.errorsText()}: ${text}`)
    lines.push(line)
    wake()
  })
  return {
    next: async () => {
      while (lines.length === 0)
        await new Promise<void>((resolve, reject) => {
          wake = resolve
          if (child.exitCode !== null) reject(new Error(`it ended with ${child.exitCode}`))
        })
      return lines.shift() as Line
    },
    end: async () => {
      const code = new Promise<number | null>((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      const result = [lines, await code] as const
      off()
      return result
    },
  }
}

/** As one should: beside, then renamed. */
function drop(name: string, bytes: Uint8Array): void {
  writeFileSync(join(folder, 'drop', `.${name}`), bytes)
  renameSync(join(folder, 'drop', `.${name}`), join(folder, 'drop', name))
}

test('a directory', async () => {
  const [one, two, three] = [await artifact(1), await artifact(2), await artifact(3)]
  mkdirSync(join(folder, 'drop'))
  const watch = watching('drop', '--trust', 'trust')
  assert.is((await watch.next()).event, 'nothing-there')
  drop('a.tar', one.signed)
  const first = await watch.next()
  assert.equal([first.event, first.digest, first.generation], ['applied', one.digest, 1])
  assert.is(readInForce(INSTANCE)?.digest, one.digest)
  for (const [bytes, code] of [
    [two.bytes, 'KM9013'],
    [two.signed.subarray(0, 4096), 'KM9003'],
  ] as const) {
    drop('b.tar', bytes)
    const refused = await watch.next()
    assert.equal([refused.event, ...refused.diagnostics.map((one) => one.code)], ['refused', code])
    assert.is(readInForce(INSTANCE)?.digest, one.digest)
  }
  drop('b.tar', two.signed)
  const second = await watch.next()
  assert.equal([second.event, second.digest], ['applied', two.digest])
  drop('c.tar', three.signed)
  assert.equal((await watch.next()).digest, three.digest)
  drop('a.tar', one.signed)
  assert.equal((await watch.next()).digest, one.digest, 'an older artifact that appears now is wanted')
  drop('d.tar', await signedDelta(two, three))
  const waits = await watch.next()
  assert.equal([waits.event, ...waits.diagnostics.map((one) => one.code)], ['waits', 'KM9137'])
  drop('e.tar', await signedDelta(one, two))
  const delta = await watch.next()
  assert.equal([delta.event, delta.digest], ['applied', unsigned(two)])
  assert.equal(await watch.end(), [[], 0], 'nothing is told twice, and the end is orderly')
  assert.is(readInForce(INSTANCE)?.digest, unsigned(two))
})

test('once, in text and in JSON', () => {
  const [program, ...rest] = RUN
  const once = (...args: readonly string[]): readonly [number | null, string] => {
    const { status, stdout, stderr } = spawnSync(program, [...rest, '--once', '--instance', INSTANCE, ...args], {
      cwd: folder,
      encoding: 'utf8',
    })
    return [status, stdout + stderr]
  }
  const [code, said] = once('drop')
  assert.is(code, 0)
  assert.match(said, /^in force already: drop\/e\.tar sha256:/)
  mkdirSync(join(folder, 'empty'))
  assert.equal(once('empty'), [1, 'waiting: nothing is there yet\n'])
  assert.match(once('nowhere')[1], /KM9501.*ENOENT/)
  assert.match(once('oci:nonsense')[1], /^error KM9501/)
  assert.is(once('drop', '--interval', '0')[0], 2)
})

test('a registry', async () => {
  const registry = await startRegistry(ADDRESS, 20_000 + (process.pid % 10_000))
  try {
    const [one, two] = [await artifact(4), await artifact(5)]
    const push = (bytes: Uint8Array): void => {
      writeFileSync(join(folder, 'push.tar'), bytes)
      registry.push(join(folder, 'push.tar'), 'mesh/data-plane:live')
    }
    const watch = watching(`oci:${registry.host}/mesh/data-plane:live`, '--plain-http', '--cache', 'cache', '--trust', 'trust')
    assert.equal(
      (await watch.next()).diagnostics.map(({ code }) => code),
      ['KM9502'],
      'no such tag yet',
    )
    push(one.signed)
    const first = await watch.next()
    assert.equal([first.event, first.digest, first.moved?.blobs], ['applied', one.digest, 4])
    push(two.signed)
    const second = await watch.next()
    assert.equal([second.event, second.digest, second.moved?.blobs], ['applied', two.digest, 2], 'config and maps')
    push(two.bytes)
    assert.equal(
      (await watch.next()).diagnostics.map(({ code }) => code),
      ['KM9013'],
    )
    assert.is(readInForce(INSTANCE)?.digest, two.digest)
    assert.equal(await watch.end(), [[], 0])
  } finally {
    await registry.stop()
  }
})

test.run()
