/**
 * Substitution formats: `a %REQ(x-a?x-b):10% b` -> text and commands. In: the text of the configuration. Out: its parts, or where it is malformed.
 * Invariant: "%%" is one "%", every other "%" begins a command; neighbouring texts are one part, an empty format has none.
 * Source: Envoy's source/common/formatter/substitution_formatter.cc (SubstitutionFormatParser).
 */
import type { Template, TemplatePart } from '../http/model.ts'

/** %COMMAND%, %COMMAND(argument)%, %COMMAND(argument):length%; an argument ends with the first ")" that a ":length" or the last "%" follows */
const COMMAND = /%([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]+))?%/y

export interface MalformedTemplate {
  /** offset in the text */
  readonly position: number
}

export function parseTemplate(text: string): Template | MalformedTemplate {
  if (!text.includes('%')) return text === '' ? [] : [{ kind: 'text', text }]
  const parts: TemplatePart[] = []
  let literal = ''
  for (let position = 0; position < text.length; ) {
    const percent = text.indexOf('%', position)
    if (percent < 0) {
      literal += text.slice(position)
      break
    }
    literal += text.slice(position, percent)
    if (text[percent + 1] === '%') {
      literal += '%'
      position = percent + 2
      continue
    }
    COMMAND.lastIndex = percent
    const command = COMMAND.exec(text)
    if (command === null) return { position: percent }
    if (literal !== '') parts.push({ kind: 'text', text: literal })
    literal = ''
    const [whole, name = '', argument, length] = command
    parts.push({ kind: 'command', name, argument, maxLength: length === undefined ? undefined : Number(length) })
    position = percent + whole.length
  }
  if (literal !== '') parts.push({ kind: 'text', text: literal })
  return parts
}

/** A malformed format is refused at load; whoever evaluates it nevertheless takes it as it is written. */
export function readTemplate(text: string): Template {
  const parsed = parseTemplate(text)
  return 'position' in parsed ? [{ kind: 'text', text }] : parsed
}

/** The text of a command as it would be written. */
export function showCommand({ name, argument, maxLength }: Extract<TemplatePart, { readonly kind: 'command' }>): string {
  return `%${name}${argument === undefined ? '' : `(${argument})`}${maxLength === undefined ? '' : `:${maxLength}`}%`
}
