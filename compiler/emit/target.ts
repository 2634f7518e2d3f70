/**
 * The kernel that an artifact is for. In: a line ("6.1"), units with their objects. Out: what the artifact says of it; KM1604 in `diag` where the line lacks something.
 * Programs depend on the snapshot, never on the target: what every kernel from OLDEST_LINE on has is used on all of them, so there is one form of each.
 */
import type { ArtifactConfig } from '../../proto/artifact/format.ts'
import { compareLines } from '../../proto/artifact/proof.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import { featuresOf, helpersOf, lackingIn, OLDEST_LINE } from './kernel-needs.ts'

/** A line that nobody knows yet is fine, as kernels keep what they have. */
export function checkTarget(line: string, diag: Diagnostics): void {
  if (compareLines(line, OLDEST_LINE) >= 0) return
  diag.report({
    code: 'KM1604',
    severity: 'error',
    path: '',
    message: `kernel ${line} is older than ${OLDEST_LINE}, the oldest that programs are made for`,
    fix: `give --target ${OLDEST_LINE} or a later one, and run such a kernel`,
  })
}

export interface TargetUnit {
  readonly unit: string
  readonly object: Uint8Array
}

/** `sourceMap`: xDS paths; that of a unit is `unit:<name>`. */
export function targetOf(
  line: string,
  units: readonly TargetUnit[],
  sourceMap: Readonly<Record<string, string>>,
  diag: Diagnostics,
  needs: typeof helpersOf = helpersOf,
): ArtifactConfig['target'] {
  for (const { unit, object } of units) {
    const lacking = lackingIn(line, needs(object))
    if (lacking.length === 0) continue
    const names = lacking.map(({ name, since }) => `${name} (${since})`)
    diag.report({
      code: 'KM1604',
      severity: 'error',
      path: sourceMap[`unit:${unit}`] ?? sourceMap['listener:0'] ?? '',
      message: `this needs ${names.join(', ')}, which kernel ${line} does not have`,
      fix: 'give a later --target, or leave out what is named',
    })
  }
  return { kernel: line, features: featuresOf(units.map(({ object }) => object)) }
}
