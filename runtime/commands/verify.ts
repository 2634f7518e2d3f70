/**
 * `kmesh-runtime verify`: is an artifact or a delta whole, and signed by somebody who is trusted? In: its file and keys, or the node's trust policy. It reads what apply reads
 * and touches nothing. Without any key there is nothing to verify against: KM9016. JSON: proto/verify.schema.json.
 */
import { openArtifactOrDelta } from '../../proto/delta/read-file.ts'
import type { TrustPolicy } from '../../proto/signature/signature.ts'
import { CodedError, coded } from '../coded-error.ts'
import { readTrust, TRUST_PLACE, trustIn } from '../trust.ts'
import { type Format, finish } from './output.ts'

export interface VerifyArguments {
  readonly artifact: string
  /** files of public keys; the policy of the node does not count beside them */
  readonly keys: readonly string[]
  readonly trust?: string
  readonly format: Format
}

export function verifyCommand(args: VerifyArguments): Promise<number> {
  return finish(args.format, () => {
    const policy = policyOf(args)
    const opened = openArtifactOrDelta(args.artifact, policy)
    if (opened.kind === 'invalid') throw new CodedError([{ severity: 'error', path: '', ...opened.error }])
    const { digest } = opened.kind === 'delta' ? opened.delta : opened.artifact
    const { signers } = opened
    return {
      json: { digest, policy: policy.source, signers },
      text: [`${digest} is whole and signed`, ...signers.map((id) => `  signed with ${id}`), `  trusted by  ${policy.source}\n`].join('\n'),
      findings: [],
    }
  })
}

function policyOf({ keys, trust }: VerifyArguments): TrustPolicy {
  if (keys.length > 0) return trustIn(keys, keys.join(', '))
  const policy = readTrust(trust)
  if (policy !== undefined) return policy
  throw coded('KM9016', `nobody is trusted here: there is no ${TRUST_PLACE}, and no key was given`, {
    fix: 'Give a public key with --key.',
  })
}
