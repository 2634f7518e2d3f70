/** `kmeshc sign`: an artifact gets one more signature. JSON: proto/sign.schema.json. */
import { readFileSync } from 'node:fs'
import { readArtifactFile } from '../../proto/artifact/open.ts'
import { guarded } from '../../proto/artifact/read.ts'
import type { ArtifactError } from '../../proto/artifact/fault.ts'
import { readPrivateKey, type SigningKey } from '../../proto/signature/key.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { signArtifact } from '../pack/sign.ts'
import { reason } from '../sources.ts'
import { finish } from './report.ts'
import { writeWhole } from './write-whole.ts'

export interface SignArguments {
  readonly artifact: string
  /** file of the private key, "-" for standard input */
  readonly key: string
  readonly output?: string | undefined
  readonly json: boolean
}

export async function signCommand(args: SignArguments): Promise<number> {
  const diag = createDiagnostics()
  const end = (result?: Readonly<Record<string, unknown>>): number =>
    finish({ diag, locate: () => undefined, json: args.json, strict: false, ...(result !== undefined && { result }) })
  const failed = (error: ArtifactError): number => {
    diag.report({ severity: 'error', path: '', ...error })
    return end()
  }
  const key = openKey(args.key)
  if (key.kind === 'invalid') return failed(key.error)
  const file = readArtifactFile(args.artifact)
  if (file.kind === 'invalid') return failed(file.error)
  const signed = await signArtifact(file.bytes, key.key)
  if (signed.kind === 'invalid') return failed(signed.error)
  const output = args.output ?? args.artifact
  if (!(await writeWhole(output, signed.bytes, diag))) return end()
  if (!args.json) process.stdout.write(`${output}  ${signed.digest}\n${signed.signers.map((id) => `  signed with ${id}\n`).join('')}`)
  return end({ file: output, digest: signed.digest, key: key.key.id, signers: signed.signers })
}

type OpenedKey = { readonly kind: 'key'; readonly key: SigningKey } | { readonly kind: 'invalid'; readonly error: ArtifactError }

function openKey(name: string): OpenedKey {
  const what = name === '-' ? 'standard input' : name
  try {
    const pem = readFileSync(name === '-' ? 0 : name, 'latin1')
    return guarded(() => ({ kind: 'key' as const, key: readPrivateKey(pem, what) }))
  } catch (error) {
    return {
      kind: 'invalid',
      error: { code: 'KM9017', message: `${what} cannot be read: ${reason(error)}`, fix: 'Check the name and the permissions.' },
    }
  }
}
