/**
 * envoy.filters.http.rbac: who may do what. ALLOW lets pass what a policy names, DENY refuses it, LOG lets everything pass. What depends on certificates,
 * metadata or another extension is not known here: where it matters, the verdict stays open.
 * Source: Envoy's rbac.proto (both), source/extensions/filters/common/rbac/{engine_impl.cc,matchers.cc}; policies are tried in the order of their names.
 */
import type { Cursor } from '../input/cursor.ts'
import type { HttpRequest } from '../http/request.ts'
import { type FilterTarget, type HttpFilter, PASS, type Verdict } from './filter.ts'
import { evalRbacRule, type RbacRule, readPermission, readPrincipal } from './rbac-rule.ts'

export interface RbacConfig {
  readonly [key: string]: unknown
  /** undefined: no rules, everything passes */
  readonly rules: RbacRules | undefined
  /** a generic matcher stands in place of the rules: not understood */
  readonly matcher: true | undefined
}

export interface RbacRules {
  readonly action: 'ALLOW' | 'DENY' | 'LOG'
  readonly policies: readonly RbacPolicy[]
}

export interface RbacPolicy {
  readonly name: string
  readonly permissions: RbacRule
  readonly principals: RbacRule
  /** a CEL condition: not understood */
  readonly condition: true | undefined
}

const FILTER = 'envoy.extensions.filters.http.rbac.v3.RBAC'
const PER_ROUTE = 'envoy.extensions.filters.http.rbac.v3.RBACPerRoute'

export const rbac: HttpFilter<RbacConfig> = {
  types: [FILTER, PER_ROUTE],
  read(at) {
    // a route without rules of its own turns the filter off
    const config = at.type === PER_ROUTE ? at.message('rbac') : at
    const rules = config?.message('rules')
    return { rules: rules === undefined ? undefined : readRules(rules), matcher: config?.has('matcher') === true ? true : undefined }
  },
  decide(config, request, { metadata }) {
    if (config.matcher === true) return { kind: 'open', why: 'rbac with a generic matcher' }
    const { rules } = config
    if (rules === undefined || rules.action === 'LOG') return PASS
    return verdict(rules, request, metadata)
  },
}

function readRules(at: Cursor): RbacRules {
  const action = at.enum('action')
  return {
    action: action === 'DENY' || action === 'LOG' ? action : 'ALLOW',
    policies: at.map('policies').map(([name, policy]) => ({
      name,
      permissions: { kind: 'or', of: policy.messages('permissions').map(readPermission) },
      principals: { kind: 'or', of: policy.messages('principals').map(readPrincipal) },
      condition: policy.has('condition') || policy.has('checked_condition') ? true : undefined,
    })),
  }
}

function verdict({ action, policies }: RbacRules, request: HttpRequest, metadata: FilterTarget['metadata']): Verdict {
  let open: string | undefined
  for (const policy of policies) {
    const matched = holds(policy, request, metadata)
    if (matched === true) return action === 'ALLOW' ? PASS : denied(policy.name)
    if (matched === undefined) open ??= policy.name
  }
  if (open !== undefined) return { kind: 'open', why: `rbac policy "${open}" depends on what a request does not tell` }
  return action === 'ALLOW' ? denied('none') : PASS
}

function holds(
  { permissions, principals, condition }: RbacPolicy,
  request: HttpRequest,
  metadata: FilterTarget['metadata'],
): boolean | undefined {
  const both = evalRbacRule({ kind: 'and', of: [permissions, principals] }, request, metadata)
  return both === false ? false : condition === true ? undefined : both
}

function denied(policy: string): Verdict {
  const detail = `rbac_access_denied_matched_policy[${policy.replace(/\s/g, '_')}]`
  return { kind: 'answer', outcome: 'deny', status: 403, body: 'RBAC: access denied', reason: detail }
}
