/**
 * JSON documents of an artifact. In: bytes from an untrusted file. Out: typed values that follow their JSON schema (proto/*.schema.json).
 * Errors: KM9007, with the place in the document.
 */
import { readFileSync } from 'node:fs'
import { Ajv, type ValidateFunction } from 'ajv'
import type { DeltaConfig, DeltaDocument } from '../delta/format.ts'
import { ArtifactFault, quoted } from './fault.ts'
import type { ArtifactConfig, NamesDocument } from './format.ts'
import type { Index, Manifest } from './oci.ts'
import type { ProofDocument } from './proof.ts'

interface Documents {
  readonly 'oci-index': Index
  readonly 'oci-manifest': Manifest
  readonly artifact: ArtifactConfig
  readonly names: NamesDocument
  readonly delta: DeltaConfig
  readonly 'delta-changes': DeltaDocument
  readonly proof: ProofDocument
}

/** Schemas that another one refers to. */
const REFERRED: { readonly [Kind in keyof Documents]?: readonly string[] } = { artifact: ['proof', 'diagnostic'], proof: ['diagnostic'] }

const validators = new Map<keyof Documents, ValidateFunction>()

function validator(kind: keyof Documents): ValidateFunction {
  const known = validators.get(kind)
  if (known !== undefined) return known
  const ajv = new Ajv({ strict: true, strictRequired: false, validateSchema: false })
  for (const name of REFERRED[kind] ?? []) ajv.addSchema(schemaOf(name))
  const made = ajv.compile(schemaOf(kind))
  validators.set(kind, made)
  return made
}

function schemaOf(name: string): object {
  return JSON.parse(readFileSync(new URL(`../${name}.schema.json`, import.meta.url), 'utf8')) as object
}

/** `what` names the document in messages. */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) as unknown
  } catch {
    throw new ArtifactFault('KM9007', `${what} is not JSON`)
  }
}

export function checkDocument<Kind extends keyof Documents>(kind: Kind, value: unknown, what: string): Documents[Kind] {
  const validate = validator(kind)
  if (validate(value)) return value as Documents[Kind]
  const [error] = validate.errors ?? []
  const place = error === undefined || error.instancePath === '' ? '' : ` at ${quoted(error.instancePath)}`
  throw new ArtifactFault('KM9007', `${what} does not follow its schema${place}: ${error?.message ?? 'unknown error'}`)
}
