/**
 * What a kernel made of programs when it verified them. In: nothing. Out: the proof's form (proto/proof.schema.json), and which kernels a proof is for.
 * A proof is about objects, named by the sha256 of their bytes: the same object in another artifact is proven as well.
 */

export interface ProofDocument {
  readonly schemaVersion: 1
  /** one a release */
  readonly kernels: readonly KernelProof[]
}

export interface KernelProof {
  /** uname -r */
  readonly kernel: string
  readonly units: readonly ProvenUnit[]
}

export interface ProvenUnit {
  readonly unit: string
  /** sha256 of the object, hex */
  readonly object: string
  /** of the whole object, from its bytes to programs that can be attached */
  readonly loadMilliseconds: number
  readonly programs: readonly ProvenProgram[]
}

/** As the verifier's own statistics say. */
export interface ProvenProgram {
  readonly program: string
  /** instructions that it walked through; a million is its limit */
  readonly verifiedInstructions: number
  /** states that it kept in all, and at a time */
  readonly states: number
  readonly peakStates: number
  /** bytes, of the program and of each function that it calls */
  readonly stack: readonly number[]
  readonly microseconds: number
}

/** Major and minor number, which is what a feature comes with: "6.1.0-49-cloud-amd64" -> "6.1". Undefined: no version that is understood. */
export function kernelLine(release: string): string | undefined {
  return /^(\d{1,4}\.\d{1,4})(?!\d)/.exec(release)?.[1]
}

/** Below 0: `a` is the older line. */
export function compareLines(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number)
  const [majorB = 0, minorB = 0] = b.split('.').map(Number)
  return majorA - majorB || minorA - minorB
}

/** The lines of kernels that proofs are for, the oldest first. */
export function provenLines(proof: readonly KernelProof[]): readonly string[] {
  return [...new Set(proof.flatMap(({ kernel }) => kernelLine(kernel) ?? []))].sort(compareLines)
}
