/**
 * Starts a command in the governed cgroup. In: an instance and argv; out: never returns when it works: this process moves into the cgroup and becomes
 * the command, so that its sockets are governed from the first one on. Signals and the exit code are the command's own.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { coded } from './coded-error.ts'
import { cgroup2Mount, recordedCgroup } from './governed-cgroup.ts'
import { fillSources } from './fill-sources.ts'
import { type OpenInstance, openInstance } from './held-generation.ts'
import { execute } from './sys/exec.ts'
import { isErrno, SystemError } from './sys/system-error.ts'

export interface ExecPlan {
  readonly instance: string
  readonly cgroup: string
  readonly command: readonly string[]
  /** descriptors are closed by the kernel when the command starts */
  readonly tables: OpenInstance['tables']
}

/** Where a command would run; throws when the instance has no generation in force or its cgroup is gone. */
export function planExec(instance: string, command: readonly string[]): ExecPlan {
  const { pins, tables } = openInstance(instance)
  const cgroup = recordedCgroup(pins.cgroup)
  if (cgroup !== null) return { instance, cgroup, command, tables }
  tables.close()
  throw coded('KM9107', `instance "${instance}" has no record of its cgroup`)
}

/** Moves into the cgroup and becomes the command. Throws KM9120 when it cannot be started; this process is then back where it was. */
export function exec({ cgroup, command, tables }: ExecPlan): never {
  const [file, ...rest] = command
  if (file === undefined) throw coded('KM9120', 'no command is given')
  const before = ownCgroup()
  enter(cgroup)
  // A source hash needs the address of the namespace that has just joined; findings about others were apply's to tell.
  fillSources(cgroup, tables.fd('km_source'))
  const error = execute([file, ...rest])
  if (before !== undefined) enter(before)
  throw coded('KM9120', `${file}: ${isErrno(error, 'ENOENT') ? 'no such command' : error.code}`)
}

function enter(cgroup: string): void {
  try {
    writeFileSync(join(cgroup, 'cgroup.procs'), String(process.pid))
  } catch (error) {
    if (error instanceof SystemError || !isErrno(error, 'ENOENT', 'ENODEV')) throw error
    throw coded('KM9103', `${cgroup} does not exist any more`, { fix: 'Apply again to govern the directory that is made for it.' })
  }
}

function ownCgroup(): string | undefined {
  const path = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
  return path === undefined ? undefined : join(cgroup2Mount(), path)
}
