/**
 * `kmesh-runtime doctor`: what this machine can do, feature by feature, what is missing and how to get it. In: the machine; out: DoctorReport
 * (proto/doctor.schema.json). Everything is tried, nothing is derived from the version.
 * Invariant: the machine is as before: programs, tables and the one cgroup that were made are gone.
 */
import type { Finding } from './coded-error.ts'
import { helperChecks, programChecks } from './doctor-bpf.ts'
import { type Check, CHECK_GROUPS, findingOf } from './doctor-check.ts'
import { fileSystemChecks, hookChecks, socketChecks, withThrowawayCgroup } from './doctor-host.ts'
import { instanceChecks } from './doctor-instances.ts'
import { kernelChecks, privilegeChecks } from './doctor-kernel.ts'
import { tableChecks } from './doctor-tables.ts'
import { trustCheck } from './doctor-trust.ts'

export interface DoctorReport {
  /** 'unable': something that is required is missing; exit code 1 */
  readonly verdict: 'able' | 'unable'
  /** by group, in the order of CHECK_GROUPS */
  readonly checks: readonly Check[]
  /** of what is not fine: errors for what is required, warnings for the rest */
  readonly diagnostics: readonly Finding[]
}

export function doctor(): DoctorReport {
  const kernel = kernelChecks()
  const libbpf = kernel.some(({ name, state }) => name === 'libbpf' && state === 'ok') ? 'there' : 'missing'
  const checks = [
    ...kernel,
    ...privilegeChecks(),
    ...socketChecks(),
    trustCheck(),
    ...withThrowawayCgroup((cgroup, why) => triedIn(cgroup, why, libbpf)),
  ]
  const ordered = CHECK_GROUPS.flatMap((group) => checks.filter((check) => check.group === group))
  const unprivileged = ordered.some(({ group, level, state }) => group === 'privileges' && level === 'required' && state === 'missing')
  // without capabilities nothing could be tried: one reason, told once
  const told = unprivileged ? ordered.filter(({ state }) => state !== 'unknown') : ordered
  const diagnostics = told.flatMap((check) => findingOf(check) ?? [])
  return { verdict: diagnostics.some(({ severity }) => severity === 'error') ? 'unable' : 'able', checks: ordered, diagnostics }
}

function triedIn(cgroup: string | null, why: string, libbpf: 'there' | 'missing'): readonly Check[] {
  const files = fileSystemChecks(cgroup, why)
  if (libbpf === 'missing') return [...files, ...helperChecks()]
  const instances = instanceChecks()
  return [...files, ...programChecks(cgroup), ...helperChecks(), ...tableChecks(), ...hookChecks(instances.governed), ...instances.checks]
}
