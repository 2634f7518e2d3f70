/**
 * What reading a large snapshot takes. In: its shape and form, a size, how often; out: size, times and memory of `kmeshc check`, and the memory that it may take.
 * Every file is written, measured and removed before the next, so that one is on the disk at a time.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from '../commands.ts'
import { undoAtExit } from '../kit/cleanup.ts'
import type { Form } from '../limits/forms.ts'
import { SHAPES, type Shape } from '../limits/shapes.ts'
import { writeLarge } from '../limits/write.ts'
import { runMeasured } from './measured.ts'
import type { LargeResult } from './report.ts'
import { series } from './traffic.ts'

export interface Large {
  readonly shape: Shape
  readonly form: Form
  readonly megabytes: number
}

const ENDINGS: Readonly<Record<Form, string>> = { resources: 'json', dump: 'json', yaml: 'yaml', binary: 'pb' }
/** what a snapshot may take: bytes for each of its bytes, and besides */
const TIMES = 8
const BESIDE = 150e6
const MIB = 1 << 20

/** A config dump of every shape; with `quick` one small one. */
export function largeInputs(length: 'whole' | 'quick'): readonly Large[] {
  if (length === 'quick') return [{ shape: 'hosts', form: 'dump', megabytes: 5 }]
  return SHAPES.filter((shape) => shape !== 'bare').map((shape) => ({ shape, form: 'dump', megabytes: 50 }))
}

export function runLarge({ shape, form, megabytes }: Large, times: number, progress: (text: string) => void): LargeResult {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-bench-'))
  const remove = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, `${shape}.${ENDINGS[form]}`)
  progress(`writing ${megabytes} MB of ${shape}`)
  const bytes = writeLarge(shape, form, megabytes * 1e6, file)
  const measured = Array.from({ length: times }, (_, index) => {
    progress(`check ${shape}, ${megabytes} MB: ${index + 1} of ${times}`)
    return runMeasured([...command('kmeshc'), 'check', file])
  })
  remove()
  return {
    shape,
    form,
    bytes,
    seconds: series(measured.map(({ seconds }) => seconds)),
    cpuSeconds: series(measured.map(({ cpuSeconds }) => cpuSeconds)),
    peakMiB: series(measured.map(({ peakMiB }) => peakMiB)),
    mostMiB: (TIMES * bytes + BESIDE) / MIB,
  }
}
