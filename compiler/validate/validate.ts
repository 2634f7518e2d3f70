/**
 * Validation as Envoy's own, beyond the rules that the schema states: cross references, duplicates, regexes, formats. In: the decoded resources and
 * how to walk them. Out: findings in `diag`. It runs after the coverage was measured, because its reads are not what becomes of a field.
 * Source: Envoy's source (router, http_connection_manager, formatter), each refusal tried on Envoy 1.40.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'
import type { Resource, ResourceKind } from '../input/resource.ts'
import { factsOf } from './facts.ts'
import type { Context, Rule } from './rule.ts'
import { createRules, type Tools } from './table.ts'

/** Calls `visit` for every message of these types, parents first. */
export type Walk = (resource: Resource, types: ReadonlySet<string>, visit: (at: Cursor) => void) => void

/** What Envoy builds when it loads; endpoints and secrets have nothing that a rule asks for. */
const LOADED: ReadonlySet<ResourceKind> = new Set<ResourceKind>(['lds', 'rds', 'cds', 'bootstrap'])

export function validate(resources: readonly Resource[], { walk, ...tools }: Tools & { readonly walk: Walk }, diag: Diagnostics): void {
  const byType = new Map<string, Rule[]>()
  for (const rule of createRules(tools)) for (const type of rule.types) byType.set(type, [...(byType.get(type) ?? []), rule])
  const types = new Set(byType.keys())
  const findings = createFindings(diag)
  const facts = factsOf(resources)
  for (const resource of resources) {
    if (!LOADED.has(resource.kind)) continue
    const { refuse, warn } = findings
    const context: Context = { refuse, warn, refuseUnlessLoaded: resource.loaded ? warn : refuse, facts, loaded: resource.loaded }
    walk(resource, types, (at) => {
      for (const rule of byType.get(at.type) ?? []) rule.check(at, context)
    })
  }
}

function createFindings(diag: Diagnostics): Pick<Context, 'refuse' | 'warn'> {
  const report =
    (severity: 'error' | 'warning'): Context['refuse'] =>
    (code, path, message, fix) =>
      diag.report({ code, severity, path, message, ...(fix !== undefined && { fix }) })
  return { refuse: report('error'), warn: report('warning') }
}
