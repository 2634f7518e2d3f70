/**
 * What mutations start from. In: directories with snapshots. Out: small whole files as they are, and their resources one by one, as JSON and in binary, each once.
 * Files that are larger than a few kilobytes give their resources only, because one execution has to be cheap.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { encodeJson } from '../../compiler/fetch/messages.ts'
import { findResources } from '../../compiler/input/forms.ts'
import { readText } from '../../compiler/input/read-text.ts'
import { envoySchema } from '../../compiler/input/schema.ts'
import type { Value } from './mutate-value.ts'

export interface Corpus {
  readonly files: readonly Uint8Array[]
  /** each with "@type" */
  readonly resources: readonly Value[]
  /** google.protobuf.Any of those that an encoder takes */
  readonly packed: readonly Uint8Array[]
}

const MOST_BYTES = 4000
const SNAPSHOT = /\.(?:json|ya?ml|pb)$/

export function readCorpus(directories: readonly string[]): Corpus {
  const files: Uint8Array[] = []
  const resources = new Map<string, Value>()
  for (const directory of directories) {
    for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
      const path = join(directory, name)
      if (!SNAPSHOT.test(name) || !statSync(path).isFile()) continue
      const bytes = readFileSync(path)
      if (bytes.length <= MOST_BYTES) files.push(bytes)
      for (const { value } of readText({ name, bytes }, envoySchema()).documents) {
        for (const { type, value: held } of findResources(value, envoySchema()).found) {
          if (type === '' || typeof held !== 'object' || held === null) continue
          const text = JSON.stringify({ '@type': `type.googleapis.com/${type}`, ...held })
          if (text.length <= MOST_BYTES) resources.set(text, JSON.parse(text) as Value)
        }
      }
    }
  }
  const list = [...resources.values()]
  return { files, resources: list, packed: list.flatMap(packedOf) }
}

function packedOf(resource: Value): readonly Uint8Array[] {
  try {
    return [encodeJson('google.protobuf.Any', resource as object)]
  } catch {
    // the encoder is stricter than Envoy's reader, and some fixtures are wrong on purpose
    return []
  }
}
