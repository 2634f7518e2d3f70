/**
 * `kmeshc keygen`: a pair of Ed25519 keys for signing artifacts. Out: the private one as PKCS8, which only its owner may read, and the public one beside it, as
 * a trust policy takes it. A file that is there is never overwritten. JSON: proto/keygen.schema.json.
 */
import { generateKeyPairSync } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { keyId } from '../../proto/signature/key.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { reason } from '../sources.ts'
import { finish } from './report.ts'

const PEM = { private: { type: 'pkcs8', format: 'pem' }, public: { type: 'spki', format: 'pem' } } as const

export async function keygenCommand(args: { readonly output: string; readonly json: boolean }): Promise<number> {
  const diag = createDiagnostics()
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const beside = publicName(args.output)
  if (await writeNew(args.output, privateKey.export(PEM.private), 0o600, diag)) {
    if (!(await writeNew(beside, publicKey.export(PEM.public), 0o644, diag))) await rm(args.output, { force: true })
  }
  const id = keyId(publicKey)
  const made = !diag.failed
  if (made && !args.json)
    process.stdout.write(`key ${id}\n  private  ${args.output}   keep it secret\n  public   ${beside}   for the trust policy of nodes\n`)
  return finish({
    diag,
    locate: () => undefined,
    json: args.json,
    strict: false,
    ...(made && { result: { id, private: args.output, public: beside } }),
  })
}

/** key.pem -> key.pub.pem */
function publicName(name: string): string {
  return name.endsWith('.pem') ? `${name.slice(0, -'.pem'.length)}.pub.pem` : `${name}.pub.pem`
}

async function writeNew(file: string, pem: string | Buffer, mode: number, diag: Diagnostics): Promise<boolean> {
  try {
    await writeFile(file, pem, { mode, flag: 'wx' })
    return true
  } catch (error) {
    diag.report({
      code: 'KM1802',
      severity: 'error',
      path: '',
      message: `"${file}" cannot be written: ${reason(error)}`,
      fix: 'choose another name with -o: a key that is there is never overwritten',
    })
    return false
  }
}
