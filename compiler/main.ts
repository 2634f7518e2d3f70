#!/usr/bin/env -S node --max-semi-space-size=64
/**
 * The command line of kmeshc: argv -> options, a command's result -> print and exit code. Exit 0 done, 1 coded errors, 2 wrong usage.
 * Commands load what they need when they run, so that `--help` and completion stay quick.
 */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import yargs, { type Argv } from 'yargs'
import { hideBin } from 'yargs/helpers'

const PLAINTEXT = ['istio'] as const

/** Options of every command that reads a snapshot. */
function snapshotOptions<T>(command: Argv<T>) {
  return command
    .positional('snapshot', {
      type: 'string',
      array: true,
      demandOption: true,
      describe: 'files, directories, or - for standard input: JSON or YAML',
    })
    .option('resolve', { type: 'string', describe: 'addresses of host names: {"name": ["address"]}, or lines of "name address..."' })
    .option('address', {
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
      describe: "the node's own address: what wildcard listeners stand for where nothing redirects",
    })
    .option('plaintext-to', { choices: PLAINTEXT, describe: 'servers that also take plain text (Istio: mTLS mode PERMISSIVE)' })
    .check(
      ({ address }) =>
        address.every((text) => isIP(text) !== 0) || `--address takes IP addresses, not "${address.find((text) => isIP(text) === 0)}"`,
    )
    .option('strict', { type: 'boolean', default: false, describe: 'warnings are errors' })
}

const json = { json: { type: 'boolean', default: false, describe: 'JSON on standard output' } } as const

export async function main(argv: readonly string[]): Promise<void> {
  await yargs([...argv])
    .scriptName('kmeshc')
    .usage('$0 <command>\n\nCompiles an xDS snapshot into an artifact that kmesh-runtime loads into the kernel.')
    .command(
      ['compile <snapshot..>'],
      'compile a snapshot into an artifact',
      (command) =>
        snapshotOptions(command)
          .option('output', { alias: 'o', type: 'string', describe: 'where the artifact goes, e.g. artifact.tar' })
          .option('emit', {
            choices: ['ir', 'plan', 'c'] as const,
            describe: 'print a stage instead of the diagnostics alone; needs no -o',
          })
          .option('time', { type: 'boolean', default: false, describe: 'print the time of each phase' })
          .options(json)
          .check(({ output, emit }) => output !== undefined || emit !== undefined || 'give -o FILE, or --emit STAGE'),
      async (args) => exit((await import('./commands/compile.ts')).compileCommand(args, version())),
    )
    .command(
      'check <snapshot..>',
      'diagnostics and coverage only; needs no clang',
      (command) =>
        snapshotOptions(command)
          .options(json)
          .option('format', { choices: ['text', 'json'] as const, describe: '--format json is --json' }),
      async (args) => exit((await import('./commands/check.ts')).checkCommand({ ...args, json: args.json || args.format === 'json' })),
    )
    .command(
      'coverage <snapshot..>',
      'what became of every set field',
      (command) => snapshotOptions(command).options(json),
      async (args) => exit((await import('./commands/coverage.ts')).coverageCommand(args)),
    )
    .command(
      'inspect <artifact>',
      'what an artifact holds',
      (command) => command.positional('artifact', { type: 'string', demandOption: true }).options(json),
      async (args) => exit((await import('./commands/inspect.ts')).inspectCommand(args)),
    )
    .command(
      'locate <path> <snapshot..>',
      'file, line and column of an xDS path',
      (command) =>
        command
          .positional('path', { type: 'string', demandOption: true, describe: 'e.g. \'cds["a"].connect_timeout\'' })
          .positional('snapshot', { type: 'string', array: true, demandOption: true })
          .options(json),
      async (args) => exit((await import('./commands/locate.ts')).locateCommand(args)),
    )
    .command(
      'explain <code>',
      'what a code means and what to do',
      (command) => command.positional('code', { type: 'string', demandOption: true }).options(json),
      async (args) => exit((await import('./commands/explain.ts')).explainCommand(args)),
    )
    .completion('completion', 'print a completion script for the shell')
    .demandCommand(1, 'give a command')
    .strict()
    .recommendCommands()
    .version(version())
    .alias('help', 'h')
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .fail((message, error) => {
      // what a check says comes as a string here, whatever the types say
      if (error instanceof Error) throw error
      process.stderr.write(`kmeshc: ${message}\nTry kmeshc --help.\n`)
      process.exit(2)
    })
    .parseAsync()
}

async function exit(code: number | Promise<number>): Promise<void> {
  process.exitCode = await code
}

/** Of package.json, which stands above the sources and above dist/ alike. */
function version(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version
    } catch {
      // the other layout
    }
  }
  return 'unknown'
}

process.stdout.on('error', () => process.exit(0))
main(hideBin(process.argv)).catch((error: unknown) => {
  process.stderr.write(
    `kmeshc: internal error: ${error instanceof Error ? error.message : String(error)}\nThis is a fault of kmeshc; KMESHC_DEBUG=1 shows where.\n`,
  )
  if (process.env.KMESHC_DEBUG === '1') console.error(error)
  process.exitCode = 1
})
