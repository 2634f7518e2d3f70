/**
 * Keys that artifacts are signed with. In: PEM text that people keep in files. Out: Ed25519 keys with their ids. Errors: KM9017, never a stack.
 *
 * Ed25519 alone (RFC 8032): small, deterministic, in node:crypto. A key's id is the sha256 of its public half in DER (SubjectPublicKeyInfo), which
 * `openssl pkey -pubin -outform DER | sha256sum` prints too.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { ArtifactFault } from '../artifact/fault.ts'
import { sha256 } from '../artifact/sha256.ts'

export interface SigningKey {
  /** 64 lower-case hex digits */
  readonly id: string
  readonly key: KeyObject
}

const PUBLIC_BLOCK = /-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g

/** One private key, PKCS8 in PEM. `what` names the file in messages. */
export function readPrivateKey(pem: string, what: string): SigningKey {
  if (pem.includes('ENCRYPTED')) throw new ArtifactFault('KM9017', `${what} is protected by a passphrase`)
  const key = parsed(() => createPrivateKey(pem), `${what} holds no private key`)
  onlyEd25519(key, what)
  return { id: keyId(createPublicKey(key)), key }
}

/** One or more public keys, SubjectPublicKeyInfo in PEM, one after the other; text around them is for people. */
export function readPublicKeys(pem: string, what: string): readonly SigningKey[] {
  if (pem.includes('PRIVATE KEY-----')) throw new ArtifactFault('KM9017', `${what} holds a private key where only public ones belong`)
  const blocks = pem.match(PUBLIC_BLOCK) ?? []
  if (blocks.length === 0) throw new ArtifactFault('KM9017', `${what} holds no public key`)
  if (pem.split('-----BEGIN').length - 1 !== blocks.length)
    throw new ArtifactFault('KM9017', `${what} holds something else beside public keys`)
  return blocks.map((block) => {
    const key = parsed(() => createPublicKey(block), `${what} holds a damaged public key`)
    onlyEd25519(key, what)
    return { id: keyId(key), key }
  })
}

export function keyId(publicKey: KeyObject): string {
  return sha256(publicKey.export({ type: 'spki', format: 'der' }))
}

function parsed(read: () => KeyObject, message: string): KeyObject {
  try {
    return read()
  } catch {
    throw new ArtifactFault('KM9017', message)
  }
}

function onlyEd25519(key: KeyObject, what: string): void {
  if (key.asymmetricKeyType !== 'ed25519')
    throw new ArtifactFault('KM9017', `${what} holds a key of the type ${key.asymmetricKeyType}, not Ed25519`)
}
