/**
 * Plans and lists of probes from files that users give. In: a path; out: the document, which follows its JSON schema, or KM9134.
 */
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { coded } from '../coded-error.ts'
import { placeOf } from '../probe/dial.ts'
import type { Probe } from '../probe/probe.ts'
import type { PlanReport } from './plan.ts'

export function readPlan(path: string): PlanReport {
  const plan = read<PlanReport>(path, 'plan', ['diagnostic'])
  if (plan.artifact === undefined || plan.inForce === undefined) throw coded('KM9134', `${path} is the output of a plan that failed`)
  return plan
}

export function readProbes(path: string): readonly Probe[] {
  const { probes } = read<{ readonly probes: readonly Probe[] }>(path, 'probes', [])
  const wrong = probes.find(({ dial }) => placeOf(dial) === undefined)
  if (wrong !== undefined) throw coded('KM9134', `${path}: "${wrong.dial}" is no ADDRESS:PORT`)
  return probes
}

function read<T>(path: string, schema: string, others: readonly string[]): T {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw coded('KM9134', `${path}: ${(error as NodeJS.ErrnoException).code ?? 'cannot be read'}`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw coded('KM9134', `${path} is not JSON`)
  }
  const ajv = new Ajv({ strict: true, strictRequired: false, validateSchema: false })
  const load = (name: string): object =>
    JSON.parse(readFileSync(new URL(`../../proto/${name}.schema.json`, import.meta.url), 'utf8')) as object
  for (const other of others) ajv.addSchema(load(other))
  const validate = ajv.compile(load(schema))
  if (validate(value)) return value as T
  const [error] = validate.errors ?? []
  throw coded(
    'KM9134',
    `${path} does not follow ${schema}.schema.json${error?.instancePath ? ` at ${error.instancePath}` : ''}: ${error?.message ?? ''}`,
  )
}
