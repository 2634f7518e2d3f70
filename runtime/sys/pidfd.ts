/**
 * Descriptors of other processes (pidfd_getfd(2), kernel 5.6). In: a process and a descriptor of it; out: one of ours to the same open file.
 * Needs the right to trace the process (CAP_SYS_PTRACE for those of other users).
 */
import { closeDescriptor, pidfdGetfd, pidfdOpen } from './libc.ts'
import { SystemError } from './system-error.ts'

export interface ForeignDescriptors {
  /** Runs `use` with a copy that is closed afterwards; undefined when it cannot be had. */
  use<T>(pid: number, descriptor: number, use: (copy: number) => T): T | undefined
  close(): void
}

export function openForeignDescriptors(): ForeignDescriptors {
  const processes = new Map<number, number | undefined>()
  const attempt = (open: () => number): number | undefined => {
    try {
      return open()
    } catch (error) {
      if (error instanceof SystemError) return undefined
      throw error
    }
  }
  return {
    use: (pid, descriptor, use) => {
      if (!processes.has(pid))
        processes.set(
          pid,
          attempt(() => pidfdOpen(pid)),
        )
      const process = processes.get(pid)
      const copy = process === undefined ? undefined : attempt(() => pidfdGetfd(process, descriptor))
      if (copy === undefined) return undefined
      try {
        return use(copy)
      } finally {
        closeDescriptor(copy)
      }
    },
    close: () => {
      for (const process of processes.values()) if (process !== undefined) closeDescriptor(process)
    },
  }
}
