/**
 * %COALESCE({"operators": [...]})%: the first of several commands that has a value. In: the argument. Out: the commands; none where it is no such list, which is
 * refused at load. Source: Envoy's source/common/formatter/coalesce_formatter.cc; an empty text is a value (tried on Envoy 1.40).
 */
import type { TemplatePart } from '../http/model.ts'

type Command = Extract<TemplatePart, { readonly kind: 'command' }>

export function readCoalesce(argument: string): readonly Command[] {
  const known = read.get(argument)
  if (known !== undefined) return known
  const commands = parse(argument)
  read.set(argument, commands)
  return commands
}

const read = new Map<string, readonly Command[]>()

function parse(argument: string): readonly Command[] {
  let value: unknown
  try {
    value = JSON.parse(argument)
  } catch {
    return []
  }
  const operators: unknown = Object(value).operators
  return Array.isArray(operators) ? operators.map(commandOf) : []
}

function commandOf(operator: unknown): Command {
  if (typeof operator === 'string') return { kind: 'command', name: operator, argument: undefined, maxLength: undefined }
  const { command, param, max_length } = Object(operator) as Readonly<Record<string, unknown>>
  return {
    kind: 'command',
    name: String(command),
    argument: typeof param === 'string' ? param : undefined,
    maxLength: typeof max_length === 'number' ? max_length : undefined,
  }
}
