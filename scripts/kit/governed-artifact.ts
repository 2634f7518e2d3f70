/**
 * Small artifacts with the real programs, for tests that need the kernel and no snapshot. In: services with their endpoints, each one round-robin cluster
 * with equal weights. Out: the bytes of artifact.tar, and the artifact as it is read back from them.
 */
import { buildUnits } from '../../compiler/emit/build.ts'
import { openToolchain } from '../../compiler/emit/clang.ts'
import { toC } from '../../compiler/emit/to-c.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { toPlan } from '../../compiler/lower/to-plan.ts'
import { pack } from '../../compiler/pack/pack.ts'
import type { Artifact } from '../../proto/artifact/format.ts'
import { readArtifact } from '../../proto/artifact/read.ts'
import { type SmallService, smallLowering, smallProgram } from './small-program.ts'

export type Service = Omit<SmallService, 'listener'>

export interface GovernedArtifact {
  readonly bytes: Uint8Array
  readonly artifact: Artifact
}

export async function governedArtifact(services: readonly Service[]): Promise<GovernedArtifact> {
  const diag = createDiagnostics()
  const named = services.map((service) => ({ ...service, listener: `${service.address}_${service.port}` }))
  const plan = toPlan(smallProgram(named), smallLowering(named), diag)
  const toolchain = await openToolchain()
  const built = await buildUnits(toC(plan.units, toolchain.templates, toolchain.base), toolchain, diag)
  if (built === undefined) throw new Error(JSON.stringify(diag.list))
  const protocols = [...new Set(services.map(({ protocol = 'tcp' }) => protocol))].sort()
  const { bytes } = await pack({
    plan,
    units: built.units,
    coverage: {},
    compiler: { version: '0.0.0' },
    target: { kernel: '6.1', features: [] },
    protocols,
    budgets: { tailCalls: 2, objectInstructions: built.instructions, stackBytes: built.stack },
  })
  const read = readArtifact(bytes)
  if (read.kind === 'invalid') throw new Error(read.error.message)
  return { bytes, artifact: read.artifact }
}
