/**
 * Small artifacts with the real programs, for tests that need the kernel and no snapshot. In: services with their endpoints, each one round-robin cluster
 * with equal weights. Out: the bytes of artifact.tar, and the artifact as it is read back from them.
 */
import { buildUnits } from '../../compiler/emit/build.ts'
import { openToolchain } from '../../compiler/emit/clang.ts'
import { toC } from '../../compiler/emit/to-c.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import type { Balance, Cluster, Listener } from '../../compiler/ir/program.ts'
import { toPlan } from '../../compiler/lower/to-plan.ts'
import { pack } from '../../compiler/pack/pack.ts'
import { endpoint, type Field, GROUP_EQUAL, group, type Layout, put, ROW_SIZE, tier } from '../../proto/abi.ts'
import type { Artifact } from '../../proto/artifact/format.ts'
import { readArtifact } from '../../proto/artifact/read.ts'

export interface Service {
  readonly name: string
  /** IPv4 literal */
  readonly address: string
  readonly port: number
  readonly protocol?: 'tcp' | 'udp'
  /** "a.b.c.d:port" */
  readonly endpoints: readonly string[]
  readonly maxConnections?: number
}

export interface GovernedArtifact {
  readonly bytes: Uint8Array
  readonly artifact: Artifact
}

const field = (layout: Layout, name: string): Field => layout.fields[name] as Field

function mapped(text: string): Uint8Array {
  return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...text.split('.').map(Number)])
}

const BALANCE: Balance = {
  policy: { name: 'ROUND_ROBIN' },
  priorities: [],
  overprovisioningFactor: 140,
  panicThreshold: 50,
  failTrafficOnPanic: false,
  localityWeighted: false,
  weightedPriorityHealth: false,
}

export async function governedArtifact(services: readonly Service[]): Promise<GovernedArtifact> {
  const diag = createDiagnostics()
  const clusters = services.map(
    ({ name, maxConnections = 1024 }): Cluster => ({
      name,
      path: `cds["${name}"]`,
      target: { kind: 'balance', balance: BALANCE },
      maxConnections,
    }),
  )
  const listeners = services.map(
    ({ name, address, port, protocol = 'tcp' }, index): Listener => ({
      name: `${address}_${port}`,
      path: `lds["${name}"]`,
      protocol,
      keys: [{ kind: 'exact', address: mapped(address), port }],
      chains: [{ path: '', prefixes: [], action: { kind: 'cluster', path: '', cluster: index, hash: { kind: 'none' } } }],
      fallback: { kind: 'refuse', path: '', reason: 'no_filter_chain' },
    }),
  )
  let next = 0
  const plan = toPlan(
    { listeners, clusters },
    {
      balance: (_, states) => {
        const { endpoints } = services[next++] as Service
        const rows = new Uint8Array((2 + endpoints.length) * ROW_SIZE)
        const view = new DataView(rows.buffer)
        const set = (row: number, layout: Layout, key: string, value: number): void => put(view, row * ROW_SIZE, field(layout, key), value)
        const relocations: number[] = []
        const own = (row: number, layout: Layout, key: string, state: number): void => {
          set(row, layout, key, state)
          relocations.push(row * ROW_SIZE + field(layout, key).offset)
        }
        const count = endpoints.length
        for (const [key, value] of Object.entries({ upto: 100, group: 1, groups: 1, total: 1, stride: 1 })) set(0, tier, key, value)
        for (const [key, value] of Object.entries({ upto: 1, first: 2, count, total: count, stride: 1, flags: GROUP_EQUAL }))
          set(1, group, key, value)
        own(1, group, 'cursor', states.cursor('group', '0'))
        endpoints.forEach((text, index) => {
          const [address, port] = text.split(':') as [string, string]
          rows.set(mapped(address), (index + 2) * ROW_SIZE)
          set(index + 2, endpoint, 'upto', index + 1)
          set(index + 2, endpoint, 'weight', 1)
          set(index + 2, endpoint, 'port', Number(port))
          own(index + 2, endpoint, 'state', states.endpoint(text))
        })
        return {
          tiers: count === 0 ? 0 : 1,
          rows,
          relocations,
          policy: 'ROUND_ROBIN',
          choiceCount: 0,
          bias: 0,
          flags: 0,
          shape: { localities: false },
        }
      },
      hash: () => 0n,
    },
    diag,
  )
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
