/**
 * How many generations stay for a way back. In: what the user asked; out: the number, which the instance remembers as a symbolic link among its pins: recovery needs bpffs alone, and it is read with one call.
 * None means the default. Invariant: a command that is killed leaves the old number or the new one.
 */
import { renameSync, rmSync, symlinkSync } from 'node:fs'
import { DEFAULT_KEEP, MOST_KEEP } from './generation.ts'
import { linkTarget, type Pins } from './pins.ts'

export function readKeep({ keep }: Pins): number {
  const number = Number(linkTarget(keep) ?? DEFAULT_KEEP)
  return Number.isInteger(number) && number >= 0 ? Math.min(number, MOST_KEEP) : DEFAULT_KEEP
}

export function writeKeep({ keep }: Pins, count: number): void {
  if (linkTarget(keep) === String(count)) return
  const next = `${keep}_next`
  rmSync(next, { force: true })
  symlinkSync(String(count), next)
  renameSync(next, keep)
}
