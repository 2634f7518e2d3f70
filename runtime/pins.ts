/**
 * Where an instance keeps what in its bpffs. In: mount point and instance name; out: paths.
 *
 *   BPFFS/kmesh/INSTANCE/<map>                  the maps of proto/abi.ts
 *                        abi_<version>_<hex>    directory, empty: which layouts they have
 *                        km_layouts             what the rows of the maps look like (proto/map-layouts.ts)
 *                        cgroup                 symbolic link to the governed cgroup
 *                        links/<hook>           what keeps the programs attached
 *                        base/<digest>/<program>      attached programs
 *                        programs/<digest>/<program>  programs of the generations, by object
 *                        requests/<digest>/<program>  constant programs of requests
 *                        epoch/<n>/<map>        inner tables of an epoch, and `states`, its stable ids by local index
 *                        tables/<map>_<digest>  the same tables by their content (hard links), so that a later epoch finds what it can share
 *                        keep                   symbolic link to a number: how many generations stay for a way back
 *                        state/<shard>          inner tables of km_state
 *
 *             _next_INSTANCE/                   the same, while a runtime with other layouts takes the instance over
 *
 * Inner tables and programs have pins of their own because descriptors by id need CAP_SYS_ADMIN, which apply does without.
 * Invariant: no name has a dot, which bpffs reserves.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { coded } from './coded-error.ts'
import type { Undo } from './undo.ts'

export interface Pins {
  readonly root: string
  readonly cgroup: string
  readonly keep: string
  readonly links: string
  readonly base: string
  readonly programs: string
  /** constant programs of requests */
  readonly requests: string
  readonly epochs: string
  readonly tables: string
  readonly states: string
  map(name: string): string
  link(hook: string): string
  epoch(epoch: number): string
  state(shard: number): string
}

export const KMESH_DIRECTORY = 'kmesh'
const INSTANCE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/

export function pinsOf(bpffs: string, instance: string): Pins {
  checkInstanceName(instance)
  return pinsAt(join(bpffs, KMESH_DIRECTORY, instance))
}

/** Of the one that takes the place of an instance whose maps have other layouts (upgrade/upgrade.ts). No instance name begins with _. */
export function nextPinsOf(bpffs: string, instance: string): Pins {
  checkInstanceName(instance)
  return pinsAt(join(bpffs, KMESH_DIRECTORY, `_next_${instance}`))
}

function pinsAt(root: string): Pins {
  return {
    root,
    cgroup: `${root}/cgroup`,
    keep: `${root}/keep`,
    links: `${root}/links`,
    base: `${root}/base`,
    programs: `${root}/programs`,
    requests: `${root}/requests`,
    epochs: `${root}/epoch`,
    tables: `${root}/tables`,
    states: `${root}/state`,
    map: (name) => `${root}/${name}`,
    link: (hook) => `${root}/links/${hook}`,
    epoch: (epoch) => `${root}/epoch/${epoch}`,
    state: (shard) => `${root}/state/${shard}`,
  }
}

export function checkInstanceName(instance: string): void {
  if (INSTANCE_NAME.test(instance)) return
  throw coded('KM9102', `"${instance}" is no name for an instance: letters, digits, _ and -, at most 63`)
}

/** Names in a directory; none when it does not exist. */
export function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : []
}

/** What a symbolic link says; null when there is none. */
export function linkTarget(path: string): string | null {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : null
}

/** Makes a directory where there is none; undone when it is empty then. */
export function ensureDirectory(directory: string, undo: Undo): void {
  if (existsSync(directory)) return
  mkdirSync(directory, { recursive: true })
  undo.add(directory, () => {
    if (namesIn(directory).length === 0) rmdirSync(directory)
  })
}

/** Removes a directory of pins with everything in it. */
export function removeTree(directory: string): void {
  rmSync(directory, { recursive: true, force: true })
}
