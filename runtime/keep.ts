/**
 * How many generations stay for a way back. In: what the user asked; out: the number, which the instance remembers as an empty directory `keep_<n>` among its pins:
 * recovery needs bpffs alone. Invariant: at most one such directory; none means the default.
 */
import { mkdirSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { DEFAULT_KEEP, MOST_KEEP } from './generation.ts'
import { namesIn, type Pins } from './pins.ts'

const PREFIX = 'keep_'

export function readKeep(pins: Pins): number {
  const mark = namesIn(pins.root).find((name) => name.startsWith(PREFIX))
  const number = mark === undefined ? DEFAULT_KEEP : Number(mark.slice(PREFIX.length))
  return Number.isInteger(number) && number >= 0 ? Math.min(number, MOST_KEEP) : DEFAULT_KEEP
}

export function writeKeep(pins: Pins, keep: number): void {
  const marks = namesIn(pins.root).filter((name) => name.startsWith(PREFIX))
  const wanted = `${PREFIX}${keep}`
  if (marks.includes(wanted)) return
  const [first, ...others] = marks
  for (const other of others) rmdirSync(join(pins.root, other))
  if (first === undefined) mkdirSync(join(pins.root, wanted))
  else renameSync(join(pins.root, first), join(pins.root, wanted))
}
