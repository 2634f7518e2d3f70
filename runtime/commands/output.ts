/**
 * How every command ends. In: its work; out: what is printed, and the exit code: 0, or 1 after coded errors.
 * JSON goes to standard output, also with errors; in text, results go to standard output and diagnostics to standard error.
 * Failures of system calls become coded errors here; any other exception is a bug and passes through.
 */
import { CodedError, coded, type Finding } from '../coded-error.ts'
import { SystemError } from '../sys/system-error.ts'

export interface Result {
  /** JSON fields beside `diagnostics` */
  readonly json: Readonly<Record<string, unknown>>
  readonly text: string
  readonly findings: readonly Finding[]
}

export type Format = 'json' | 'text'

export async function finish(format: Format, work: () => Result | Promise<Result>): Promise<number> {
  const result = await outcome(work)
  if (format === 'json') process.stdout.write(`${JSON.stringify({ ...result.json, diagnostics: result.findings }, null, 2)}\n`)
  else {
    process.stderr.write(result.findings.map(findingText).join(''))
    process.stdout.write(result.text)
  }
  return result.findings.some(({ severity }) => severity === 'error') ? 1 : 0
}

async function outcome(work: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    return { json: {}, text: '', findings: codedFindings(error) }
  }
}

/** What a failure means to the user; throws what is none of theirs. */
export function codedFindings(error: unknown): readonly Finding[] {
  if (error instanceof CodedError) return error.findings
  if (error instanceof SystemError && error.call.startsWith('dlopen')) return coded('KM9119', error.message).findings
  if (error instanceof SystemError) return coded('KM9116', error.message).findings
  if (error instanceof Error && 'syscall' in error) return coded('KM9116', error.message).findings
  throw error
}

/** As the compiler prints them: code and message, then place and fix. */
export function findingText({ code, severity, message, path, fix }: Finding): string {
  const colour = process.stderr.isTTY === true && process.env.NO_COLOR === undefined
  const head = `${severity} ${code}:`
  const lines = [`${colour ? `\x1b[${severity === 'error' ? 31 : 33}m${head}\x1b[0m` : head} ${oneLine(message)}`]
  if (path !== '') lines.push(`  at  ${oneLine(path)}`)
  if (fix !== undefined) lines.push(`  fix ${fix}`)
  return `${lines.join('\n')}\n`
}

/** Names that users give may have anything in them, also what a terminal obeys. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`)
}
