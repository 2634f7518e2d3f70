/**
 * Artifacts whose one service routes requests, for tests of the programs around routing. In: the address of the service and its endpoints; `answer`, C text that
 * takes the place of routing. Out: the bytes of artifact.tar.
 * Invariant: all but the routing is what the product has.
 */
import { buildUnits } from '../../compiler/emit/build.ts'
import { openToolchain } from '../../compiler/emit/clang.ts'
import { toC } from '../../compiler/emit/to-c.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import type { Plan } from '../../compiler/lower/plan.ts'
import { toPlan } from '../../compiler/lower/to-plan.ts'
import { pack } from '../../compiler/pack/pack.ts'
import { CHAIN_HTTP, chain } from '../../proto/abi.ts'
import { put } from '../../proto/layout.ts'
import { HTTP_ROW_SIZE } from '../../proto/http/tables.ts'
import { smallLowering, smallProgram } from '../kit/small-program.ts'

export interface RequestService {
  readonly address: string
  readonly port: number
  /** "a.b.c.d:port", of the clusters 0, 1, ... */
  readonly clusters: readonly (readonly string[])[]
  readonly maxConnections?: number
  /** body of `int km_answer(struct km_request *request)`; cluster 0 when absent; 'product': nothing is replaced */
  readonly answer?: string
}

/** Row of the service in km_http: it asks for no header. */
const SERVICE_ROW = 1
const TO_FIRST = 'request->cluster = 0; request->timeout = 15000; return KM_HTTP_FORWARD;'

export async function requestArtifact(service: RequestService): Promise<Uint8Array> {
  const diag = createDiagnostics()
  const small = service.clusters.map((endpoints, index) => ({
    name: `cluster-${index}`,
    listener: `listener-${index}`,
    address: service.address,
    port: service.port + index,
    endpoints,
    ...(service.maxConnections !== undefined && { maxConnections: service.maxConnections }),
  }))
  const plan = routed(toPlan(smallProgram(small), smallLowering(small), diag))
  const toolchain = await openToolchain()
  const units = toC(plan.units, toolchain.templates, toolchain.base).map((unit) =>
    unit.name === 'http_route' && service.answer !== 'product' ? { ...unit, text: routeUnit(service.answer ?? TO_FIRST) } : unit,
  )
  const built = await buildUnits(units, toolchain, diag)
  if (built === undefined) throw new Error(JSON.stringify(diag.list))
  const { bytes } = await pack({
    plan,
    units: built.units,
    coverage: {},
    compiler: { version: '0.0.0' },
    target: { kernel: '6.1', features: [] },
    protocols: ['tcp'],
    budgets: { tailCalls: 4, objectInstructions: built.instructions, stackBytes: built.stack },
  })
  return bytes
}

/** The first listener's chain becomes one of requests. */
function routed(plan: Plan): Plan {
  const rows = Buffer.from(plan.tables.chain)
  const view = new DataView(rows.buffer, rows.byteOffset, rows.length)
  put(view, 0, chain.fields.kind as (typeof chain.fields)[string], CHAIN_HTTP)
  put(view, 0, chain.fields.target as (typeof chain.fields)[string], SERVICE_ROW)
  const [entry, ...others] = plan.units
  if (entry?.kind !== 'entry') throw new Error('the first unit is not the entry')
  return {
    ...plan,
    tables: { ...plan.tables, chain: rows, http: new Uint8Array((SERVICE_ROW + 1) * HTTP_ROW_SIZE) },
    units: [
      { ...entry, http: true },
      ...others,
      { kind: 'http_request' },
      { kind: 'http_route', features: new Set() },
      { kind: 'http_act' },
      { kind: 'http_policy', policy: 'ROUND_ROBIN', localities: false },
      { kind: 'http_forward' },
    ],
  }
}

function routeUnit(answer: string): string {
  return `
#include "lib/http/decide.h"
char LICENSE[] SEC("license") = "Dual BSD/GPL";
static __always_inline int km_answer(struct km_request *request)
{
  ${answer}
}
SEC("sk_msg")
int km_http_route(struct sk_msg_md *msg)
{
  struct km_sending sending;
  return km_resume(msg, &sending) ? km_conclude(msg, &sending, km_answer(sending.request)) : SK_DROP;
}
`
}
