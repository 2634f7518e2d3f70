/**
 * Artifacts for tests that need one of a given size and no clang. In: numbers of services and endpoints. Out: a Plan with real tables (one round-robin
 * cluster a service, equal weights) and units whose objects are empty ELF files.
 */
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import type { Plan } from '../../compiler/lower/plan.ts'
import { toPlan } from '../../compiler/lower/to-plan.ts'
import type { PackedUnit, PackInput } from '../../compiler/pack/pack.ts'
import { type SmallService, smallLowering, smallProgram } from './small-program.ts'

const tail = (index: number): string => `${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`

export function samplePlan(services: number, endpoints: number): Plan {
  const perService = Math.max(1, Math.floor(endpoints / services))
  const list = Array.from({ length: services }, (_, index): SmallService => {
    const number = String(index).padStart(6, '0')
    return {
      name: `outbound|80||service-${number}.shop.svc.cluster.local`,
      listener: `listener-${number}`,
      address: `127.96.${(index >> 8) & 255}.${index & 255}`,
      port: 80 + (index >> 16),
      endpoints: Array.from({ length: perService }, (_, one) => `10.${tail(index * perService + one)}:8080`),
    }
  })
  return smallPlan(list)
}

export function smallPlan(services: readonly SmallService[]): Plan {
  return toPlan(smallProgram(services), smallLowering(services), createDiagnostics())
}

/** A 64-bit little-endian ELF header for eBPF, and nothing behind it. */
function emptyObject(marker: number): Uint8Array {
  const object = new Uint8Array(96)
  object.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  object[18] = 247
  object[80] = marker
  return object
}

export function sampleInput(plan: Plan): PackInput {
  const slots = (program: string, slot: number): PackedUnit['slots'] =>
    (['connect4', 'connect6', 'sendmsg4', 'sendmsg6'] as const).map((hook) => ({
      program: `${program}_${hook}`,
      hook,
      slot,
      instructions: 300 + slot,
    }))
  return {
    plan,
    units: [
      { unit: 'base', slots: [], object: emptyObject(1), source: 'int base;\n' },
      { unit: 'entry', slots: slots('km_entry', 0), object: emptyObject(2), source: 'int entry;\n' },
      { unit: 'policy_round_robin', slots: slots('km_round_robin', 1), object: emptyObject(3), source: 'int policy;\n' },
    ],
    coverage: { fields: { 'lds[].name': 'compiled' }, totals: { compiled: 1 } },
    compiler: { version: '0.1.0' },
    target: { kernel: '6.1', features: ['sk_storage', 'bpf_set_retval'] },
    protocols: ['tcp'],
    budgets: { tailCalls: 2, objectInstructions: 4096, stackBytes: 256 },
  }
}
