/**
 * How both command lines begin and end. In: argv and what a command gave. Out: an exit code: 0 done, 1 coded errors or a fault of ours, 2 wrong usage.
 * Invariant: no stack trace unless the debug variable asks for it, and a reader that closes the pipe is no error.
 */
import { readFileSync } from 'node:fs'

export interface CommandLine {
  readonly name: 'kmeshc' | 'kmesh-runtime'
  /** environment variable that is "1" where stack traces are wanted */
  readonly debugVariable: string
}

/** Runs a command line to its end. */
export function runCommandLine({ name, debugVariable }: CommandLine, main: () => Promise<void>): void {
  process.stdout.on('error', () => process.exit(0))
  main().catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error)
    process.stderr.write(`${name}: internal error: ${message}\nThis is a fault of ${name}; ${debugVariable}=1 shows where.\n`)
    if (process.env[debugVariable] === '1') console.error(error)
    process.exitCode = 1
  })
}

/**
 * For `fail` of yargs, which hands over an exception of a handler the same way; what a check says comes as a string, whatever the types say, and an option
 * without its value as an error of yargs' own.
 */
export function wrongUsage({ name }: CommandLine, message: string | null | undefined, error: unknown): never {
  const own = error instanceof Error && error.name === 'YError' ? error.message : undefined
  const text = own ?? message
  if ((error instanceof Error && own === undefined) || typeof text !== 'string') throw error
  process.stderr.write(`${name}: ${text.replace(/^Not enough arguments following: (.*)$/, '--$1 needs a value')}\nTry ${name} --help.\n`)
  process.exit(2)
}

export async function exitWith(code: number | Promise<number>): Promise<void> {
  process.exitCode = await code
}

/** Of package.json, which stands above the sources and above dist/ alike. */
export function productVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version
    } catch {
      // the other layout
    }
  }
  return 'unknown'
}
