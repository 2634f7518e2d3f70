/**
 * Units -> objects. In: C texts and a toolchain. Out: stripped objects with what each program costs, or undefined with the reason in `diag`.
 * Invariant: every program named in a unit's slots is in its object, and none uses more stack than programs that tail-call may.
 */
import type { ProgramUnit } from '../../proto/artifact/format.ts'
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Toolchain } from './clang.ts'
import { objectFunctions } from './elf.ts'
import type { Unit } from './to-c.ts'

/** The verifier's limit for a program that tail-calls from under a subprogram (kernel/bpf/verifier.c since 5.10). */
const STACK_LIMIT = 256
/** Far above what any unit needs (about 4,000 in all); growth beyond it is a mistake of a template. */
const INSTRUCTION_LIMIT = 100_000

export interface Built {
  readonly units: readonly (ProgramUnit & { readonly object: Uint8Array; readonly source: string })[]
  readonly objects: { readonly cached: number; readonly compiled: number }
  /** instructions of all programs, bytes of the deepest stack */
  readonly instructions: number
  readonly stack: number
}

export async function buildUnits(units: readonly Unit[], toolchain: Toolchain, diag: Diagnostics): Promise<Built | undefined> {
  const results = await Promise.all(units.map(async (unit) => ({ unit, result: await toolchain.compile(unit.text) })))
  const built: Built['units'][number][] = []
  const objects = { cached: 0, compiled: 0 }
  let instructions = 0
  let stack = 0
  for (const { unit, result } of results) {
    if (result.kind === 'missing') {
      diag.report({
        code: 'KM1601',
        severity: 'error',
        path: '',
        message: `clang is needed to build "${unit.name}": ${result.message}`,
        fix: 'install clang-14 and llvm-14',
      })
      return undefined
    }
    if (result.kind === 'failed') {
      diag.report({
        code: 'KM1602',
        severity: 'error',
        path: '',
        message: `clang refused the generated unit "${unit.name}": ${firstError(result.message)}`,
        fix: 'report it with the output of --emit c',
      })
      continue
    }
    if (result.cached) objects.cached++
    else objects.compiled++
    const functions = new Map(objectFunctions(result.object).map((made) => [made.name, made]))
    const slots = unit.slots.map((slot) => {
      const made = functions.get(slot.program)
      if (made === undefined) throw new Error(`unit ${unit.name} has no program ${slot.program}`)
      return { ...slot, instructions: made.instructions }
    })
    for (const made of functions.values()) {
      instructions += made.instructions
      stack = Math.max(stack, made.stack)
    }
    built.push({ unit: unit.name, slots, object: result.object, source: unit.text })
  }
  if (stack > STACK_LIMIT || instructions > INSTRUCTION_LIMIT) {
    diag.report({
      code: 'KM1603',
      severity: 'error',
      path: '',
      message: `the programs use ${stack} bytes of stack (limit ${STACK_LIMIT}) and have ${instructions} instructions (limit ${INSTRUCTION_LIMIT})`,
      fix: 'report it with the output of --emit c',
    })
  }
  return diag.failed ? undefined : { units: built, objects, instructions, stack }
}

const firstError = (message: string): string =>
  message.split('\n').find((line) => line.includes('error:')) ?? message.split('\n', 1)[0] ?? ''
