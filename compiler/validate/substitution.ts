/**
 * Substitution formats ("%REQ(x):3%"). In: a text. Out: why Envoy refuses it, or undefined.
 * Source: Formatter::SubstitutionFormatParser: "%%" is a percent sign, everything else behind a "%" is a command, its parameter runs to the first ")"
 * that is followed by the end of the command.
 */
import { COMMANDS, type Command } from './commands.ts'

const COMMAND = /%([A-Z0-9_]+)(?:\(([^\n]*?)\))?(?::([0-9]+))?%/y

/** `extensions`: command parsers are configured beside the format, so a command that is not known may be one of theirs */
export function formatMistake(format: string, extensions: readonly unknown[] = []): string | undefined {
  for (let at = 0; at < format.length; ) {
    if (format[at] !== '%') at++
    else if (format[at + 1] === '%') at += 2
    else {
      COMMAND.lastIndex = at
      const found = COMMAND.exec(format)
      // a length is a 64-bit number
      if (found === null || BigInt(found[3] ?? 0) >= 2n ** 64n) return `no command at position ${at} ("%%" is a percent sign)`
      const [text, name = '', parameter = '', length] = found
      const command = COMMANDS.get(name)
      if (command === undefined && extensions.length === 0) return `there is no command ${name}`
      const mistake = command === undefined ? undefined : commandMistake(command, parameter, length)
      if (mistake !== undefined) return `${name} ${mistake}`
      at += text.length
    }
  }
  return undefined
}

function commandMistake(command: Command, parameter: string, length: string | undefined): string | undefined {
  if (command.parameter === 'none' && (parameter !== '' || length !== undefined)) return 'takes no parameter and no length'
  if (command.parameter === 'required' && parameter === '') return 'needs a parameter'
  if (command.length === 'none' && length !== undefined) return 'takes no length'
  const mistake = parameter === '' ? undefined : command.check?.(parameter)
  return mistake === undefined ? undefined : `does not take (${parameter}): ${mistake}`
}
