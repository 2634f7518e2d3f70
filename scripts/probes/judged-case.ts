/**
 * What is judged: a snapshot with probes. In: a fixture (or anything with sources, options and probes). Out: its Program, its artifact, and for each probe
 * what the interpreter says; undefined when the snapshot has errors, so that there is nothing to dial.
 */
import { type AnalyseOptions, compile } from '../../compiler/compile.ts'
import type { Diagnostics } from '../../compiler/diag/diagnostic.ts'
import type { Toolchain } from '../../compiler/emit/clang.ts'
import type { Source } from '../../compiler/input/text.ts'
import type { Decision } from '../../compiler/ir/eval.ts'
import type { Artifact } from '../../proto/artifact/format.ts'
import { readArtifact } from '../../proto/artifact/read.ts'
import { interpret, type Probe } from '../golden/probe.ts'

export interface ProbedSnapshot {
  readonly name: string
  readonly sources: readonly Source[]
  readonly options: AnalyseOptions
  readonly probes: readonly Probe[]
}

export interface JudgedCase extends ProbedSnapshot {
  readonly artifact: Artifact
  readonly expected: readonly { readonly probe: Probe; readonly decision: Decision }[]
}

export async function toJudgedCase(snapshot: ProbedSnapshot, toolchain: Toolchain, diag: Diagnostics): Promise<JudgedCase | undefined> {
  const compilation = await compile(snapshot.sources, { ...snapshot.options, version: '0.0.0' }, toolchain, diag, () => undefined)
  if (compilation === undefined) return undefined
  const read = readArtifact(compilation.packed.bytes)
  if (read.kind === 'invalid') throw new Error(`${read.error.code}: ${read.error.message}`)
  const { program } = compilation.analysis
  return {
    ...snapshot,
    artifact: read.artifact,
    expected: snapshot.probes.map((probe) => ({ probe, decision: interpret(program, probe) })),
  }
}
