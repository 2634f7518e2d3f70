/**
 * Ends a holder from outside of `serve`. In: an instance; out: its connections have ended, its process and what was made for it are gone.
 */
import { closeDescriptor } from '../sys/libc.ts'
import { connectHolder } from './holder-link.ts'
import { removeHolderCgroup } from './holder-place.ts'
import { removeKept } from './kept-services.ts'

export type Retired =
  /** there was none */
  'absent' | 'ended'

/**
 * 'observe': for an instance that is no more; whoever serves finds out by itself. 'serve': takes over first, so that who served goes as well and starts no other.
 * Connections get `milliseconds` to end.
 */
export async function retireHolder(instance: string, role: 'observe' | 'serve', milliseconds: number): Promise<Retired> {
  let finish = (): void => undefined
  const ended = new Promise<void>((resolve) => {
    finish = resolve
  })
  const link = await connectHolder(instance, role, { message: (_, descriptors) => descriptors.forEach(closeDescriptor), end: finish })
  if (link === null) return 'absent'
  link.send('drain', { count: milliseconds })
  await ended
  return 'ended'
}

/** What is left on disk and in the cgroup hierarchy when neither holder nor instance is there. */
export async function sweepAfter(instance: string): Promise<void> {
  await removeHolderCgroup(instance)
  removeKept(instance)
}
