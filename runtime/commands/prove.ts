/** `kmesh-runtime prove`: what this kernel makes of programs. JSON, and what -o writes: proto/proof.schema.json. */
import { writeFileSync } from 'node:fs'
import type { KernelProof, ProofDocument } from '../../proto/artifact/proof.ts'
import { openTrusted } from '../open-trusted.ts'
import { prove } from '../proof/prove.ts'
import { type Format, finish } from './output.ts'

export interface ProveArguments {
  readonly artifacts: readonly string[]
  readonly trust?: string
  /** -o */
  readonly output?: string
  readonly format: Format
}

export function proveCommand({ artifacts, trust, output, format }: ProveArguments): Promise<number> {
  return finish(format, () => {
    const proof = prove(artifacts.map((path) => openTrusted(path, trust).artifact))
    const document: ProofDocument = { schemaVersion: 1, kernels: [proof] }
    if (output !== undefined) writeFileSync(output, `${JSON.stringify(document, null, 2)}\n`)
    return { json: { ...document }, text: proofText(proof), findings: [] }
  })
}

function proofText({ kernel, units }: KernelProof): string {
  const lines = units.flatMap(({ unit, object, loadMilliseconds, programs }) => [
    `  ${unit}.o  ${object.slice(0, 12)}, loaded in ${loadMilliseconds.toFixed(1)} ms`,
    ...programs.map(
      ({ program, verifiedInstructions, states, stack }) =>
        `    ${program.padEnd(28)} ${String(verifiedInstructions).padStart(7)} instructions walked through, ${states} states, stack ${stack.join(' + ') || 0}`,
    ),
  ])
  return `kernel ${kernel} takes all programs\n${lines.join('\n')}\n`
}
