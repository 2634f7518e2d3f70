import { execFileSync } from 'node:child_process'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ArtifactFault } from '../artifact/fault.ts'
import { readPrivateKey, readPublicKeys } from './key.ts'

const pair = (): { readonly secret: string; readonly open: string } => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    secret: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    open: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}
const one = pair()
const two = pair()

function refusal(read: () => unknown): string {
  try {
    read()
    return 'accepted'
  } catch (error) {
    if (error instanceof ArtifactFault) return `${error.error.code} ${error.error.message}`
    throw error
  }
}

test('both halves of a pair have one id, the sha256 of the public half in DER', () => {
  const [key] = readPublicKeys(one.open, 'a')
  assert.is(readPrivateKey(one.secret, 'b').id, key?.id)
  const der = execFileSync('openssl', ['pkey', '-pubin', '-outform', 'DER'], { input: one.open })
  assert.is(key?.id, createHash('sha256').update(der).digest('hex'))
})

test('a file may hold several public keys, and words for people', () => {
  const ids = readPublicKeys(`the release key\n${one.open}\nthe one before\r\n${two.open.replaceAll('\n', '\r\n')}`, 'a').map(
    ({ id }) => id,
  )
  assert.equal(ids, [readPrivateKey(one.secret, 'b').id, readPrivateKey(two.secret, 'b').id])
})

test('what is no key is refused in one line', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const sealed = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
  for (const [pem, why] of [
    ['', 'no public key'],
    ['hello', 'no public key'],
    [one.secret, 'a private key'],
    [one.open + one.secret, 'a private key'],
    [one.open.replace('MCow', 'MCox'), 'damaged'],
    [one.open.replace(/\n-----END/, '=\n-----END').slice(0, -30), 'no public key'],
    [`${one.open}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`, 'something else'],
    [rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'type rsa'],
  ] as const) {
    const said = refusal(() => readPublicKeys(pem, 'file'))
    assert.match(said, new RegExp(`^KM9017 file .*${why}`), JSON.stringify(pem.slice(0, 60)))
    assert.not.match(said, /\n/)
  }
  for (const [pem, why] of [
    ['', 'no private key'],
    [one.open, 'no private key'],
    [sealed.toString(), 'passphrase'],
    [rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'type rsa'],
  ] as const)
    assert.match(
      refusal(() => readPrivateKey(pem, 'file')),
      new RegExp(`^KM9017 file .*${why}`),
    )
})

test.run()
