/**
 * One resource as it came. In: its kind and its bytes; out: the resource as JSON with what it refers to, or why it is refused.
 * What is refused is what Envoy would refuse by the schema: bytes that are no message, values of a wrong type or out of their declared range.
 * Invariant: never throws on what a server sends; warnings are left to `kmeshc check` of the snapshot.
 */
import type { Diagnostic } from '../diag/diagnostic.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { createDecoder } from '../input/decode.ts'
import { kindOf, pathOf } from '../input/resource.ts'
import { type Schema, typeName } from '../input/schema.ts'
import type { Held } from './collection.ts'
import type { KindEntry } from './kinds.ts'
import { decodeResponse, type Packed } from './messages.ts'
import { referencesOf } from './references.ts'
import { type UnknownField, wireToJson } from '../input/wire-json.ts'

/** A resource of a response. */
export interface Arrival {
  /** over delta; over state of the world the resource names itself */
  readonly key: string | undefined
  readonly version: string
  readonly packed: Packed
}

export interface Refused {
  readonly key: string
  readonly findings: readonly Diagnostic[]
}

export type Verdict =
  | { readonly kind: 'good'; readonly held: Held; readonly unknown: readonly (UnknownField & { readonly resource: string })[] }
  | ({ readonly kind: 'refused' } & Refused)

export type Judge = (entry: KindEntry, arrival: Arrival) => Verdict

const WRAPPER = 'envoy.service.discovery.v3.Resource'

export function createJudge(schema: Schema): Judge {
  return (entry, arrival) => {
    const packed = unwrapped(arrival.packed)
    const kind = kindOf(entry.type)
    const refuse = (key: string, code: 'KM1858', message: string): Verdict => ({
      kind: 'refused',
      key,
      findings: [{ code, severity: 'error', message, path: key === '' ? '' : pathOf(kind, entry.type, key) }],
    })
    const given = arrival.key ?? ''
    if (typeName(packed.typeUrl) !== entry.type)
      return refuse(given, 'KM1858', `a ${typeName(packed.typeUrl) || 'message without type'} came in place of a ${entry.type}`)
    const read = wireToJson(schema, packed.typeUrl, packed.value)
    if (read.kind === 'malformed') return refuse(given, 'KM1858', read.message)
    const own = read.json[entry.key]
    const name = typeof own === 'string' ? own : ''
    const key = arrival.key ?? name
    const path = pathOf(kind, entry.type, name === '' ? key : name)
    const diag = createDiagnostics()
    const type = schema.message(entry.type)
    if (type !== undefined) createDecoder(schema, diag).resource(type, read.json, path, 'xds', kind === 'other' ? 'listed' : 'compiled')
    const findings = diag.list.filter(({ severity }) => severity === 'error')
    if (findings.length > 0) return { kind: 'refused', key, findings }
    return {
      kind: 'good',
      held: { key, json: read.json, version: arrival.version, references: referencesOf(read.json) },
      unknown: read.unknown.map((field) => ({ ...field, resource: path })),
    }
  }
}

/** Some servers wrap resources over state of the world too. */
function unwrapped(packed: Packed): Packed {
  if (typeName(packed.typeUrl) !== WRAPPER) return packed
  try {
    return decodeResponse<{ readonly resource?: Packed | null }>('Resource', packed.value).resource ?? packed
  } catch {
    return packed
  }
}

const SHOWN = 10

/** What the server is told: the findings, on one line each. */
export function refusalText(refused: readonly Refused[]): string {
  const lines = refused.flatMap(({ findings }) =>
    findings.map(({ code, message, path }) => `${code} ${path === '' ? '' : `${path}: `}${message}`),
  )
  const more = lines.length > SHOWN ? [`and ${lines.length - SHOWN} more`] : []
  return [...lines.slice(0, SHOWN), ...more].join('\n')
}
