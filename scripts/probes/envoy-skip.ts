/**
 * What Envoy is not asked, as data with reasons. In: fixtures/<name>/envoy-skip.json, {"resources": {name: reason}, "probes": {id: reason}}: listeners and clusters that are
 * left out, because Envoy would not take the whole file, and probes that it cannot judge. Out: both, empty where there is no file.
 */
import { join } from 'node:path'
import { FIXTURES, optionalJson } from '../golden/fixture.ts'

export interface EnvoySkip {
  readonly resources: Readonly<Record<string, string>>
  readonly probes: Readonly<Record<string, string>>
}

export function readEnvoySkip(fixture: string): EnvoySkip {
  const file = (optionalJson(join(FIXTURES, fixture, 'envoy-skip.json')) ?? {}) as Partial<EnvoySkip>
  return { resources: file.resources ?? {}, probes: file.probes ?? {} }
}
