/**
 * One fixture as one screen of text: diagnostics, ir, plan, units, probes. In: a directory of fixtures/ with snapshot files, and beside them
 * options.json ({resolve, addresses, plaintextTo}) and probes.jsonl (dials as in `scripts/judge l4`). Out: the text that snapshots/ keeps, and the C of its units by name.
 * Probes show what the interpreter says; the kernel and Envoy are asked the same in the root tests.
 */
import { analyse } from '../../compiler/compile.ts'
import { renderText } from '../../compiler/diag/render.ts'
import { placed } from '../../compiler/diag/place.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import type { Toolchain } from '../../compiler/emit/clang.ts'
import { toC } from '../../compiler/emit/to-c.ts'
import { printProgram } from '../../compiler/ir/print.ts'
import { printPlan } from '../../compiler/lower/print.ts'
import { readFixture } from './fixture.ts'
import { probeText } from './probe.ts'

export const SNAPSHOTS = new URL('../../snapshots/', import.meta.url).pathname

export interface Rendered {
  readonly text: string
  /** unit name with its shape -> C text */
  readonly units: ReadonlyMap<string, string>
}

export function renderFixture(fixture: string, toolchain: Toolchain): Rendered {
  const diag = createDiagnostics()
  const { sources, options, probes: lines } = readFixture(fixture, diag)
  const analysis = analyse(sources, options, diag, () => undefined)
  const findings = placed(diag.list, analysis.input.locate)
  const units = new Map<string, string>()
  for (const [index, unit] of toC(analysis.plan.units, toolchain.templates, toolchain.base)
    .filter(({ slots }) => slots.length > 0)
    .entries()) {
    const { kind, ...shape } = analysis.plan.units[index] as (typeof analysis.plan.units)[number]
    const features = Object.entries(shape).flatMap(([name, value]) => {
      if (value instanceof Set) return [...value].map(String).sort()
      return value === true && name !== 'policy' ? [name] : []
    })
    units.set([unit.name, ...features].join('-'), unit.text)
  }
  const unclassified = analysis.coverage.unclassified
  const probes = lines.map((probe) => probeText(analysis.program, probe))
  return {
    units,
    text: [
      ...section('diagnostics', renderText(findings, { colour: false })),
      ...(diag.failed
        ? []
        : [
            ...section('ir', printProgram(analysis.program)),
            ...section('plan', printPlan(analysis.plan)),
            ...section('units', [...units.keys()].join('\n')),
          ]),
      ...section('probes', probes.join('\n')),
      ...section(
        'coverage',
        [...Object.entries(analysis.coverage.classes).map(([name, count]) => `${name} ${count}`), `unclassified ${unclassified}`].join(
          '\n',
        ),
      ),
    ].join('\n'),
  }
}

function section(title: string, text: string): readonly string[] {
  return text.trim() === '' ? [] : [`== ${title}`, text.trimEnd(), '']
}
