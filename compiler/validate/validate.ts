/**
 * Validation as Envoy's own, beyond the rules that the schema states: cross references, duplicates, regexes, formats. In: the decoded resources and
 * how to walk them. Out: findings in `diag`. It runs after the coverage was measured, because its reads are not what becomes of a field.
 * Source: Envoy's source (router, http_connection_manager, formatter), each refusal tried on Envoy 1.40.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'
import type { Resource, ResourceKind } from '../input/resource.ts'
import { awaitsSecrets, TLS_CONTEXTS } from './awaited-secrets.ts'
import { isOfOtherBuilds, OWN_BUILD, whyUnknown } from './extension-points.ts'
import { factsOf } from './facts.ts'
import type { Context, Rule } from './rule.ts'
import { createRules, type Tools } from './table.ts'

/** Calls `visit` for every message of these types, parents first, and `unknown` for every Any of a type that the schema does not have. */
export type Walk = (
  resource: Resource,
  types: ReadonlySet<string>,
  visit: (at: Cursor) => void,
  unknown: (path: string, type: string) => void,
) => void

/** What Envoy builds when it loads; endpoints have nothing that a rule asks for. */
const LOADED: ReadonlySet<ResourceKind> = new Set<ResourceKind>(['lds', 'rds', 'cds', 'bootstrap'])

/** Of secrets it is those of a bootstrap, whose content waits until a context names them. */
const isBuilt = ({ kind, origin }: Resource): boolean => LOADED.has(kind) || (kind === 'sds' && origin === 'static')
const SECRET: ReadonlySet<string> = new Set(['envoy.extensions.transport_sockets.tls.v3.Secret'])

export function validate(resources: readonly Resource[], { walk, ...tools }: Tools & { readonly walk: Walk }, diag: Diagnostics): void {
  const byType = new Map<string, Rule[]>()
  for (const rule of createRules(tools)) for (const type of rule.types) byType.set(type, [...(byType.get(type) ?? []), rule])
  const types = new Set(byType.keys())
  const findings = createFindings(diag)
  const facts = factsOf(resources)
  for (const resource of resources) {
    if (!isBuilt(resource)) continue
    const { refuse, warn, at: told } = findings
    const unknown: [path: string, type: string][] = []
    const waiting: string[] = []
    const refuseUnlessLoaded = resource.loaded ? warn : refuse
    const refuseWhenBuilt: Context['refuseWhenBuilt'] = (code, path, message) =>
      (waiting.some((context) => path.startsWith(`${context}.`)) ? warn : refuseUnlessLoaded)(code, path, message)
    const context: Context = { refuse, warn, refuseUnlessLoaded, refuseWhenBuilt, facts, loaded: resource.loaded }
    walk(
      resource,
      resource.kind === 'sds' ? SECRET : types,
      (at) => {
        if (TLS_CONTEXTS.has(at.type) && awaitsSecrets(at)) waiting.push(at.path)
        for (const rule of byType.get(at.type) ?? []) rule.check(at, context)
      },
      (path, type) => unknown.push([path, type]),
    )
    if (resource.origin !== 'static') continue
    for (const [path, type] of unknown) if (!told.has(path)) checkKnown(path, type, context)
  }
}

/** A file of Envoy's is read by its schema: a type that it does not have is refused wherever it stands (tried). */
function checkKnown(path: string, type: string, context: Context): void {
  if (isOfOtherBuilds(type)) context.warn('KM2116', path, `${type} is not in the standard build of Envoy`)
  else context.refuse('KM2115', path, whyUnknown(type), OWN_BUILD)
}

interface Findings extends Pick<Context, 'refuse' | 'warn'> {
  /** paths that something was said of */
  readonly at: ReadonlySet<string>
}

function createFindings(diag: Diagnostics): Findings {
  const at = new Set<string>()
  const report =
    (severity: 'error' | 'warning'): Context['refuse'] =>
    (code, path, message, fix) => {
      at.add(path)
      diag.report({ code, severity, path, message, ...(fix !== undefined && { fix }) })
    }
  return { refuse: report('error'), warn: report('warning'), at }
}
