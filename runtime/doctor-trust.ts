/** Whose artifacts this node takes, as doctor tells it. In: the policy that apply would read. Out: one check; a policy that cannot be used is an error, because it refuses everything. */
import { CodedError } from './coded-error.ts'
import { type Check, found, missing, type Subject } from './doctor-check.ts'
import { readTrust } from './trust.ts'

const SUBJECT: Subject = { group: 'trust', name: 'policy', level: 'required', code: 'KM9016' }

export function trustCheck(environment: NodeJS.ProcessEnv = process.env): Check {
  try {
    const policy = readTrust(undefined, environment)
    if (policy === undefined) return found(SUBJECT, 'none: artifacts need no signature')
    const { keys, source } = policy
    return found(
      SUBJECT,
      `${keys.length} ${keys.length === 1 ? 'key' : 'keys'} in ${source}: ${keys.map(({ id }) => id.slice(0, 16)).join(', ')}`,
    )
  } catch (error) {
    if (error instanceof CodedError) return missing(SUBJECT, error.findings.map(({ message }) => message).join('; '))
    throw error
  }
}
