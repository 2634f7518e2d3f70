/**
 * How long the programs of an instance run. In: an instance, what to do meanwhile; out: for each program that ran, its runs and nanoseconds a run. Tail calls count
 * for the program that was entered. Invariant: kernel.bpf_stats_enabled is then what it was before, however this process ends short of SIGKILL.
 */
import { closeSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { namesIn } from '../../runtime/pins.ts'
import { existingPins } from '../../runtime/place.ts'
import { openPin } from '../../runtime/sys/libbpf-pin.ts'
import { type ProgramInfo, programInfo } from '../../runtime/sys/libbpf-program.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import type { RoutesResult } from './report.ts'

const SWITCH = '/proc/sys/kernel/bpf_stats_enabled'

export function timePrograms(instance: string, work: () => void): RoutesResult['programs'] {
  const before = readFileSync(SWITCH, 'utf8')
  const restore = undoAtExit(() => writeFileSync(SWITCH, before))
  try {
    writeFileSync(SWITCH, '1')
    const begin = new Map(programsOf(instance).map((info) => [info.id, info]))
    work()
    return programsOf(instance)
      .map(({ id, name, runs, runNanoseconds }) => {
        const old = begin.get(id)
        const more = Number(runs - (old?.runs ?? 0n))
        return { name, runs: more, nanoseconds: more === 0 ? 0 : Number(runNanoseconds - (old?.runNanoseconds ?? 0n)) / more }
      })
      .filter(({ runs }) => runs > 0)
      .sort((a, b) => b.runs * b.nanoseconds - a.runs * a.nanoseconds)
  } finally {
    restore()
  }
}

function programsOf(instance: string): readonly ProgramInfo[] {
  const pins = existingPins(instance)?.pins
  if (pins === undefined) throw new Error(`instance ${instance} is not in the kernel`)
  return [pins.base, pins.requests, pins.programs].flatMap((directory) =>
    namesIn(directory).flatMap((digest) =>
      namesIn(join(directory, digest))
        .filter((name) => !name.startsWith('_'))
        .map((name) => infoOf(join(directory, digest, name))),
    ),
  )
}

function infoOf(path: string): ProgramInfo {
  const fd = openPin(path)
  try {
    return programInfo(fd)
  } finally {
    closeSync(fd)
  }
}
