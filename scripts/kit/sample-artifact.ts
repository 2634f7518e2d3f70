/**
 * Artifacts for tests that need one of a given size and no clang. In: numbers of services and endpoints. Out: a Plan with real tables (one round-robin
 * cluster a service, equal weights) and units whose objects are empty ELF files.
 */
import { endpoint, type Field, GROUP_EQUAL, group, type Layout, put, ROW_SIZE, tier } from '../../proto/abi.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import type { Balance, Cluster, Listener } from '../../compiler/ir/program.ts'
import type { Plan } from '../../compiler/lower/plan.ts'
import { toPlan } from '../../compiler/lower/to-plan.ts'
import type { PackedUnit, PackInput } from '../../compiler/pack/pack.ts'

const field = (layout: Layout, name: string): Field => layout.fields[name] as Field
const mapped = (a: number, b: number, c: number, d: number): Uint8Array =>
  Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, a, b, c, d])

export function samplePlan(services: number, endpoints: number): Plan {
  const balance: Balance = {
    policy: { name: 'ROUND_ROBIN' },
    priorities: [],
    overprovisioningFactor: 140,
    panicThreshold: 50,
    failTrafficOnPanic: false,
    localityWeighted: false,
    weightedPriorityHealth: false,
  }
  const name = (index: number): string => `outbound|80||service-${String(index).padStart(6, '0')}.shop.svc.cluster.local`
  const clusters = Array.from(
    { length: services },
    (_, index): Cluster => ({
      name: name(index),
      path: `cds["${name(index)}"]`,
      target: { kind: 'balance', balance },
      maxConnections: 1024,
    }),
  )
  const listeners = Array.from(
    { length: services },
    (_, index): Listener => ({
      name: `listener-${String(index).padStart(6, '0')}`,
      path: `lds["listener-${String(index).padStart(6, '0')}"]`,
      protocol: 'tcp',
      keys: [{ kind: 'exact', address: mapped(127, 96, (index >> 8) & 255, index & 255), port: 80 + (index >> 16) }],
      chains: [{ path: '', prefixes: [], action: { kind: 'cluster', path: '', cluster: index, hash: { kind: 'none' } } }],
      fallback: { kind: 'refuse', path: '', reason: 'no_filter_chain' },
    }),
  )
  const perService = Math.max(1, Math.floor(endpoints / services))
  let next = 0
  return toPlan(
    { listeners, clusters },
    {
      balance: (_, states) => {
        const rows = new Uint8Array((2 + perService) * ROW_SIZE)
        const view = new DataView(rows.buffer)
        const set = (row: number, layout: Layout, key: string, value: number): void => put(view, row * ROW_SIZE, field(layout, key), value)
        const relocations: number[] = []
        const own = (row: number, layout: Layout, key: string, state: number): void => {
          set(row, layout, key, state)
          relocations.push(row * ROW_SIZE + field(layout, key).offset)
        }
        for (const [key, value] of Object.entries({ upto: 100, group: 1, groups: 1, total: 1, stride: 1 })) set(0, tier, key, value)
        for (const [key, value] of Object.entries({
          upto: 1,
          first: 2,
          count: perService,
          total: perService,
          stride: 1,
          flags: GROUP_EQUAL,
        })) {
          set(1, group, key, value)
        }
        own(1, group, 'cursor', states.cursor('group', '0'))
        for (let row = 2; row < 2 + perService; row++, next++) {
          rows.set(mapped(10, (next >> 16) & 255, (next >> 8) & 255, next & 255), row * ROW_SIZE)
          set(row, endpoint, 'upto', row - 1)
          set(row, endpoint, 'weight', 1)
          set(row, endpoint, 'port', 8080)
          own(row, endpoint, 'state', states.endpoint(`10.${next >> 16}.${(next >> 8) & 255}.${next & 255}:8080`))
        }
        return { tiers: 1, rows, relocations, policy: 'ROUND_ROBIN', choiceCount: 0, bias: 0, flags: 0, shape: { localities: false } }
      },
      hash: () => 0n,
    },
    createDiagnostics(),
  )
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
