/** A population of services as the files of a snapshot. In: how many, a folder; out: the names of the files, none of them larger than a control plane's own answers are. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type Population, resources } from '../generate.ts'

/** bytes, about: a file ends behind the resource that reaches it */
const FILE_BYTES = 64e6

export function writePopulation(population: Population, folder: string): readonly string[] {
  const files: string[] = []
  let out: number | undefined
  let size = 0
  for (const resource of resources(population)) {
    if (out === undefined) {
      const file = join(folder, `snapshot-${String(files.length).padStart(2, '0')}.json`)
      files.push(file)
      out = openSync(file, 'w')
      size = 0
    }
    size += writeSync(out, `${size === 0 ? '[' : ','}\n${JSON.stringify(resource)}`)
    if (size >= FILE_BYTES) {
      writeSync(out, '\n]\n')
      closeSync(out)
      out = undefined
    }
  }
  if (out !== undefined) {
    writeSync(out, '\n]\n')
    closeSync(out)
  }
  return files
}
