/**
 * Is an artifact meant for this kernel, and did one of its line verify it? In: the artifact, uname -r. Out: warnings, never a refusal: the kernel verifies every program
 * itself. An artifact that nobody gave a proof says nothing of kernels, and nothing is said of it.
 */
import { release } from 'node:os'
import type { Artifact } from '../../proto/artifact/format.ts'
import { compareLines, type KernelProof, kernelLine, provenLines } from '../../proto/artifact/proof.ts'
import { sha256 } from '../../proto/artifact/sha256.ts'
import { type Finding, warning } from '../coded-error.ts'

export function kernelWarnings(artifact: Pick<Artifact, 'config' | 'programs'>, running: string = release()): readonly Finding[] {
  const line = kernelLine(running)
  if (line === undefined) return []
  const { target } = artifact.config
  const older =
    compareLines(line, target.kernel) < 0
      ? [warning('KM9141', `the artifact is for kernels from ${target.kernel} on; ${running} is older`)]
      : []
  const proof = validProof(artifact)
  if (proof.length === 0 || provenLines(proof).includes(line)) return older
  const known = proof.map(({ kernel }) => kernel).join(', ')
  return [...older, warning('KM9140', `no kernel ${line} is among those that verified these programs: ${known}; this one is ${running}`)]
}

/** Lines of kernels that verified every program of it. */
export function linesOf(artifact: Pick<Artifact, 'config' | 'programs'>): readonly string[] {
  return provenLines(validProof(artifact))
}

/** A proof is taken for the bytes that it names alone. */
function validProof({ config, programs }: Pick<Artifact, 'config' | 'programs'>): readonly KernelProof[] {
  if (config.proof === undefined) return []
  const digests = [...programs.values()].map(sha256)
  return config.proof.filter(({ units }) => digests.every((digest) => units.some(({ object }) => object === digest)))
}
