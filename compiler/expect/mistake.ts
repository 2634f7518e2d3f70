/** What is wrong with a file of tests. In: the path of the place, as keys and indices, and a text. Thrown inside expect/ only; read-tests.ts turns it into a diagnostic. */

export type NodePath = readonly (string | number)[]

export class Mistake extends Error {
  readonly at: NodePath

  constructor(at: NodePath, message: string) {
    super(message)
    this.at = at
  }
}

export function objectOf(value: unknown, at: NodePath, fields: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Mistake(at, `${at.at(-1) === undefined ? 'the file' : `"${at.at(-1)}"`} is not a map`)
  const unknown = Object.keys(value).find((name) => !fields.includes(name))
  if (unknown !== undefined) throw new Mistake([...at, unknown], `"${unknown}" is not known here; known are ${fields.join(', ')}`)
  return value as Readonly<Record<string, unknown>>
}

export function textOf(value: unknown, at: NodePath): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new Mistake(at, `"${at.at(-1)}" is not a text`)
}
