/** The version of the libbpf that is used. In: nothing; out: "1.1.2" or so, undefined when the library cannot be opened. */
import { bind, LIBBPF, textAt } from './library.ts'
import { SystemError } from './system-error.ts'

const versionString = bind<() => bigint | null>(LIBBPF, 'void *libbpf_version_string(void)')

export function libbpfVersion(): string | undefined {
  try {
    return textAt(versionString()).replace(/^v/, '')
  } catch (error) {
    if (error instanceof SystemError) return undefined
    throw error
  }
}
