/**
 * Failing system calls, one at a time. In: work, and which of its calls shall fail; out: what became of it. Calls through libbpf and libc (runtime/sys/library.ts), and those of node:fs that
 * make, change or open something, are counted together in the order in which they come; so are stores into mapped tables ("store"), which cannot fail.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { getSystemErrorName } from 'node:util'
import { interceptCalls } from '../../runtime/sys/library.ts'

const FS_CALLS = [
  'mkdirSync',
  'rmdirSync',
  'unlinkSync',
  'linkSync',
  'renameSync',
  'symlinkSync',
  'openSync',
  'rmSync',
  'writeFileSync',
] as const

/** Calls that tell nothing of what can fail in the kernel: looking things up in an object that is open, or in memory of our own. */
const HARMLESS = /^(?:bpf_object__next|bpf_map__|bpf_program__(?!set)|libbpf_|close$|munmap$|getpagesize$|bpf_object__close)/

export interface Faults {
  /** calls so far */
  readonly count: number
  /** their names, in order */
  readonly names: readonly string[]
  stop(): void
}

/** From now on `at` is asked for each call, from 0 on: an errno makes it fail, and it may do something of its own. */
export function watchCalls(at: (index: number, name: string) => number | undefined): Faults {
  const names: string[] = []
  const ask = (name: string): number | undefined => {
    if (HARMLESS.test(name)) return undefined
    names.push(name)
    return at(names.length - 1, name)
  }
  const before = FS_CALLS.map((name) => [name, fs[name]] as const)
  for (const [name, real] of before) {
    Object.assign(fs, {
      [name]: (...args: unknown[]) => {
        const errno = ask(name)
        if (errno === undefined) return (real as (...args: unknown[]) => unknown)(...args)
        throw Object.assign(new Error(`${name}: ${getSystemErrorName(-errno)}`), {
          code: getSystemErrorName(-errno),
          errno: -errno,
          syscall: name,
        })
      },
    })
  }
  syncBuiltinESMExports()
  interceptCalls(ask)
  return {
    get count() {
      return names.length
    },
    names,
    stop: () => {
      interceptCalls(undefined)
      Object.assign(fs, Object.fromEntries(before))
      syncBuiltinESMExports()
    },
  }
}
