/**
 * Where the holder of an instance is. In: the instance's name; out: paths. It lives in a cgroup of its own, beside the governed ones: programs that know its
 * sockets are attached there, and what stops the process that started it (a systemd unit, a terminal) does not stop it.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HOLDER_DIRECTORY } from '../../proto/http/holder-protocol.ts'
import { cgroup2Mount } from '../governed-cgroup.ts'
import { checkInstanceName } from '../pins.ts'
import { removeEmpty } from '../place.ts'

/** for its sockets, its log and what is kept for it; mode 0700 */
export function holderDirectory(instance: string): string {
  checkInstanceName(instance)
  return join(HOLDER_DIRECTORY, instance)
}

export function holderSocket(instance: string): string {
  return join(holderDirectory(instance), 'holder.sock')
}

/** one line for each thing that went wrong, of this holder and those before it */
export function holderLog(instance: string): string {
  return join(holderDirectory(instance), 'holder.log')
}

const PARENT = 'kmesh-holder'

/** <cgroup2 mount>/kmesh-holder/<instance> */
export function holderCgroup(instance: string): string {
  checkInstanceName(instance)
  return join(cgroup2Mount(), PARENT, instance)
}

export function makeHolderCgroup(instance: string): string {
  const path = holderCgroup(instance)
  mkdirSync(path, { recursive: true })
  return path
}

const ATTEMPTS = 100
const PAUSE = 10

/** Waits a moment for a holder that is just ending; nothing happens while one stays. */
export async function removeHolderCgroup(instance: string): Promise<void> {
  const path = holderCgroup(instance)
  if (!existsSync(path)) return
  for (let attempt = 0; attempt < ATTEMPTS && existsSync(path); attempt++) {
    if (removeEmpty(path)) break
    await sleep(PAUSE)
  }
  removeEmpty(join(path, '..'))
}
