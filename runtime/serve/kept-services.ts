/**
 * What the slow path needs of an artifact, kept beside the holder for as long as a generation of it may be in force: the services document. In: an artifact, when it is
 * applied; out: its document, by the digest that the record in the kernel has. Invariant: a file is there under its name only when it is whole.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Artifact } from '../../proto/artifact/format.ts'
import { SERVICES_FILE } from '../../proto/http/services.ts'
import { removeEmpty } from '../place.ts'
import { isErrno } from '../sys/system-error.ts'
import { holderDirectory } from './holder-place.ts'

const PREFIX = 'services-'

function fileName(digest: string): string {
  return `${PREFIX}${digest.replace(/^sha256:/, '').slice(0, 32)}.json`
}

/** undefined: the artifact has no HTTP */
export function servicesOf(artifact: Artifact): Uint8Array | undefined {
  return artifact.sources.get(SERVICES_FILE)
}

/** To be called before the generation comes into force. */
export function keepServices(instance: string, artifact: Artifact): void {
  const services = servicesOf(artifact)
  if (services !== undefined) keepServicesDocument(instance, artifact.digest, services)
}

/** The same for a document that was made here; `digest`: of the artifact that it belongs to. */
export function keepServicesDocument(instance: string, digest: string, services: Uint8Array): void {
  const directory = holderDirectory(instance)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, fileName(digest))
  if (existsSync(path)) return
  const temporary = `${path}.${process.pid}`
  writeFileSync(temporary, services, { mode: 0o600 })
  renameSync(temporary, path)
}

/** Removes those of artifacts that no generation is left of. */
export function dropServices(instance: string, kept: readonly string[]): void {
  const names = new Set(kept.map(fileName))
  const directory = holderDirectory(instance)
  for (const name of filesIn(directory)) if (name.startsWith(PREFIX) && !names.has(name)) rmSync(join(directory, name), { force: true })
}

/** undefined: none was kept, as the artifact has no HTTP */
export function readKeptServices(instance: string, digest: string): Uint8Array | undefined {
  const path = join(holderDirectory(instance), fileName(digest))
  // an exception costs a tenth of a millisecond
  if (!existsSync(path)) return undefined
  try {
    return readFileSync(path)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Nothing is left of it. To be called when neither instance nor holder is there any more. */
export function removeKept(instance: string): void {
  const directory = holderDirectory(instance)
  for (const name of filesIn(directory)) rmSync(join(directory, name), { force: true })
  if (removeEmpty(directory)) removeEmpty(join(directory, '..'))
}

function filesIn(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : []
}
