/**
 * Refused or taken: the compiler and a real Envoy before the same bootstraps. In: bootstraps. Out: what each says, and whether that is the same.
 * What depends on the machine (files, its environment) is nobody's disagreement.
 */
import { analyse } from '../../compiler/compile.ts'
import type { Diagnostic } from '../../compiler/diag/diagnostic.ts'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import type { JsonObject } from './envoy.ts'
import { envoyVerdict } from './envoy-verdict.ts'

export interface Verdicts {
  /** codes of the compiler's errors with their messages; none: taken */
  readonly ours: readonly string[]
  /** undefined: taken */
  readonly envoy: string | undefined
  readonly kind: 'agree' | 'machine' | 'we refuse' | 'we take'
}

/** What Envoy says of things that are not in the configuration. */
const OF_THE_MACHINE =
  /does not exist|unable to (?:read|open)|invalid path|no such file|from path: |environment variable|cannot bind|Segmentation fault/i

export async function verdicts(bootstrap: JsonObject): Promise<Verdicts> {
  const findings = findingsOf(bootstrap)
  const ours = findings.filter(({ severity }) => severity === 'error').map(({ code, path, message }) => `${code} ${path}: ${message}`)
  const envoy = await envoyVerdict(bootstrap)
  const same = ours.length > 0 === (envoy !== undefined)
  const excused = OF_THE_MACHINE.test(envoy ?? '') || findings.some(({ code }) => OTHER_BUILDS.has(code))
  return { ours, envoy, kind: same ? 'agree' : envoy === undefined ? 'we refuse' : excused ? 'machine' : 'we take' }
}

/** warnings that this build of Envoy refuses what another one takes */
const OTHER_BUILDS: ReadonlySet<string> = new Set(['KM2116'])

function findingsOf(bootstrap: JsonObject): readonly Diagnostic[] {
  const diag = createDiagnostics()
  analyse(
    [{ name: 'bootstrap.json', bytes: Buffer.from(JSON.stringify(bootstrap)) }],
    { resolve: new Map(), addresses: [], plaintextTo: new Set(), strict: false },
    diag,
    () => undefined,
  )
  return diag.list
}
