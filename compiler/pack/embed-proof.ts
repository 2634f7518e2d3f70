/**
 * The part of a proof that goes into an artifact. In: what kernels made of programs, the artifact's objects, the kernel line that it is for. Out: the kernels that
 * verified all of them, the oldest first; KM1606 in `diag` for a kernel that did not, and for a target without proof.
 */
import { type KernelProof, kernelLine, compareLines, type ProvenUnit, provenLines } from '../../proto/artifact/proof.ts'
import { sha256 } from '../../proto/artifact/sha256.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'

export interface ObjectUnit {
  readonly unit: string
  readonly object: Uint8Array
}

/** `given`: of any number of files; the same release may be there twice. */
export function embedProof(
  given: readonly KernelProof[],
  units: readonly ObjectUnit[],
  target: string,
  diag: Diagnostics,
): readonly KernelProof[] {
  const wanted = units.map(({ unit, object }) => ({ unit, digest: sha256(object) })).sort((a, b) => (a.unit < b.unit ? -1 : 1))
  const embedded: KernelProof[] = []
  for (const kernel of [...new Set(given.map((one) => one.kernel))].sort(byAge)) {
    const proven = new Map<string, ProvenUnit>()
    for (const one of given) if (one.kernel === kernel) for (const unit of one.units) proven.set(unit.object, unit)
    const missing = wanted.filter(({ digest }) => !proven.has(digest))
    if (missing.length === 0)
      embedded.push({ kernel, units: wanted.map(({ unit, digest }) => ({ ...(proven.get(digest) as ProvenUnit), unit })) })
    else
      report(
        diag,
        `the proof of kernel ${kernel} does not have ${missing.map(({ unit }) => `programs/${unit}.o`).join(', ')} as compiled here`,
      )
  }
  if (given.length > 0 && !provenLines(embedded).includes(target))
    report(diag, `no proof is of kernel ${target}, which the artifact is for`)
  return embedded
}

function report(diag: Diagnostics, message: string): void {
  diag.report({ code: 'KM1606', severity: 'warning', path: '', message, fix: 'make it again on that kernel with `kmesh-runtime prove`' })
}

function byAge(a: string, b: string): number {
  return compareLines(kernelLine(a) ?? '', kernelLine(b) ?? '') || (a < b ? -1 : 1)
}
