#!/usr/bin/env -S node --max-semi-space-size=8
/**
 * The command line of kmeshc: argv -> options, a command's result -> print and exit code. Exit 0 done, 1 coded errors, 2 wrong usage.
 * Commands load what they need when they run, so that `--help` and completion stay quick.
 */
import { isIP } from 'node:net'
import yargs, { type Argv } from 'yargs'
import { hideBin } from 'yargs/helpers'
import { type CommandLine, exitWith, productVersion, runCommandLine, wrongUsage } from '../proto/command-line.ts'
import { type OptionRules, optionMistake } from '../proto/option-mistake.ts'
import { fetchOptions } from './commands/fetch-options.ts'

const COMMAND_LINE: CommandLine = { name: 'kmeshc', debugVariable: 'KMESHC_DEBUG' }
const PLAINTEXT = ['istio'] as const

/** Options of every command that reads a snapshot. */
function snapshotOptions<T>(command: Argv<T>) {
  return readingOptions(
    command.positional('snapshot', {
      type: 'string',
      array: true,
      demandOption: true,
      describe: 'files, directories, or - for standard input: JSON, YAML or a binary DiscoveryResponse',
    }),
  ).option('strict', { type: 'boolean', default: false, describe: 'warnings are errors' })
}

/** What is made of it, and for whom. */
function makingOptions<T>(command: Argv<T>) {
  return command
    .option('base', {
      type: 'string',
      requiresArg: true,
      implies: 'output',
      describe: 'an artifact that is in force: -o gets only what differs from it (a delta)',
    })
    .option('target', { type: 'string', requiresArg: true, describe: 'the oldest kernel that it is for, 6.1 by default' })
    .option('proof', {
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
      describe: 'what `kmesh-runtime prove` wrote on a kernel; goes into the artifact',
    })
    .check(({ target }) => target === undefined || /^\d{1,4}\.\d{1,4}$/.test(target) || `--target takes MAJOR.MINOR, not "${target}"`)
}

/** How a snapshot is read. */
function readingOptions<T>(command: Argv<T>) {
  return command
    .option('resolve', {
      type: 'string',
      requiresArg: true,
      describe: 'addresses of host names: {"name": ["address"]}, or lines of "name address..."',
    })
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
}

/** "127.0.0.1:80" or "[::1]:80" */
function isPlace(text: string): boolean {
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? []
  return isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0 && Number(port) <= 65535
}

const OPTION_RULES: OptionRules = {
  switches: ['json', 'strict', 'time', 'markdown', 'delta', 'tls', 'apply', 'help', 'version'],
  lists: ['_', '--', 'snapshot', 'address', 'header', 'proof'],
}

/** What stands behind `--`. */
function behindDashes(args: Readonly<Record<string, unknown>>): readonly string[] {
  return Array.isArray(args['--']) ? args['--'].map(String) : []
}

/** yargs takes a positional "-" for an option without a name and drops it. */
const STANDARD_INPUT = '\0-'

function settleArguments(args: Record<string, unknown>): void {
  if (args.format === 'json') args.json = true
  const restored = (value: unknown): unknown => (value === STANDARD_INPUT ? '-' : Array.isArray(value) ? value.map(restored) : value)
  for (const [name, value] of Object.entries(args)) if (name !== '_' && name !== '$0') args[name] = restored(value)
}

const jsonAlone = { json: { type: 'boolean', default: false, describe: 'JSON on standard output' } } as const
const json = { ...jsonAlone, format: { choices: ['text', 'json'] as const, describe: '--format json is --json' } } as const

export async function main(argv: readonly string[]): Promise<void> {
  await yargs(argv.map((argument) => (argument === '-' ? STANDARD_INPUT : argument)))
    .scriptName(COMMAND_LINE.name)
    .parserConfiguration({ 'populate--': true })
    .middleware(settleArguments, true)
    .usage('$0 <command>\n\nCompiles an xDS snapshot into an artifact that kmesh-runtime loads into the kernel.')
    .command(
      ['compile <snapshot..>'],
      'compile a snapshot into an artifact',
      (command) =>
        makingOptions(snapshotOptions(command))
          .option('output', { alias: 'o', type: 'string', requiresArg: true, describe: 'where the artifact goes, e.g. artifact.tar' })
          .option('emit', {
            choices: ['ir', 'plan', 'c'] as const,
            describe: 'print a stage instead of the diagnostics alone; needs no -o',
          })
          .option('time', { type: 'boolean', default: false, describe: 'print the time of each phase' })
          .option('waypoint-config', {
            type: 'string',
            requiresArg: true,
            describe: 'where the bootstrap goes of an Envoy that is the waypoint',
          })
          .option('waypoint-listen', {
            type: 'string',
            requiresArg: true,
            default: '127.0.0.1:15090',
            describe: 'where that Envoy listens (PROXY protocol)',
          })
          .options(json)
          .check(
            ({ output, emit, waypointConfig }) =>
              output !== undefined || emit !== undefined || waypointConfig !== undefined || 'give -o FILE, or --emit STAGE',
          )
          .check(
            ({ waypointListen }) => isPlace(String(waypointListen)) || `--waypoint-listen takes ADDRESS:PORT, not "${waypointListen}"`,
          ),
      async (args) => exitWith((await import('./commands/compile.ts')).compileCommand(args, productVersion())),
    )
    .command(
      'watch <snapshot..>',
      'compile a snapshot whenever its files change; options of kmesh-runtime apply go behind --',
      (command) =>
        makingOptions(snapshotOptions(command))
          .option('output', { alias: 'o', type: 'string', requiresArg: true, describe: 'where each result goes, e.g. artifact.tar' })
          .option('apply', {
            type: 'boolean',
            default: false,
            describe: 'have kmesh-runtime apply each result: a delta where one will do, else the whole artifact',
          })
          .options(json)
          .check(({ output, apply }) => output !== undefined || apply || 'give -o FILE, or --apply')
          .check((args) => args.apply || behindDashes(args).length === 0 || 'options behind -- are for --apply')
          .check(({ snapshot }) => !(snapshot as readonly unknown[]).includes('-') || 'standard input cannot be watched'),
      async (args) =>
        exitWith(
          (await import('./commands/watch.ts')).watchCommand(
            { ...args, apply: args.apply ? behindDashes(args) : undefined },
            productVersion(),
          ),
        ),
    )
    .command(
      'check <snapshot..>',
      'diagnostics and coverage only; needs no clang',
      (command) =>
        snapshotOptions(command)
          .options(jsonAlone)
          .option('format', {
            choices: ['text', 'json', 'sarif', 'github'] as const,
            describe: 'json is --json; sarif and github are for CI',
          }),
      async (args) => exitWith((await import('./commands/check.ts')).checkCommand(args, productVersion())),
    )
    .command(
      'coverage <snapshot..>',
      'what became of every set field',
      (command) => snapshotOptions(command).options(json),
      async (args) => exitWith((await import('./commands/coverage.ts')).coverageCommand(args)),
    )
    .command(
      'trace <snapshot..>',
      'what happens to a request',
      (command) =>
        snapshotOptions(command)
          .option('request', { type: 'string', requiresArg: true, describe: "e.g. 'GET http://reviews:9080/api?x=1'" })
          .option('header', {
            alias: 'H',
            type: 'string',
            array: true,
            nargs: 1,
            default: [] as string[],
            describe: "'name: value', once for each",
          })
          .option('source', { type: 'string', requiresArg: true, describe: 'address of the client, e.g. 10.0.0.7' })
          .option('destination', { type: 'string', requiresArg: true, describe: 'address that is dialled, e.g. 10.96.1.4:9080' })
          .option('route-config', {
            type: 'string',
            requiresArg: true,
            describe: 'start at this route configuration, under a default connection manager',
          })
          .option('random', { type: 'number', describe: 'from 0 to below 1: decides shares and weights; 0 by default' })
          .option('batch', {
            type: 'string',
            requiresArg: true,
            describe: 'requests as JSON Lines, - for standard input; answers in the same order',
          })
          .options(json)
          .check(
            ({ snapshot, batch }) => batch !== '-' || !snapshot.includes('-') || 'only the snapshot or the batch can be standard input',
          )
          .check(({ request, batch }) => (request === undefined) !== (batch === undefined) || 'give --request or --batch')
          .check(async ({ request, header }) => {
            const { checkRequest } = await import('./trace/command-request.ts')
            return checkRequest(request, header) ?? true
          })
          .check(async ({ source, destination }) => {
            const { checkAddresses } = await import('./trace/command-request.ts')
            return checkAddresses({ source, destination }) ?? true
          })
          .check(({ random }) => random === undefined || (random >= 0 && random < 1) || '--random takes a number from 0 to below 1'),
      async (args) => exitWith((await import('./commands/trace.ts')).traceCommand(args)),
    )
    .command(
      'inspect <artifact>',
      'what an artifact holds',
      (command) => command.positional('artifact', { type: 'string', demandOption: true }).options(json),
      async (args) => exitWith((await import('./commands/inspect.ts')).inspectCommand(args)),
    )
    .command(
      'keygen',
      'make a pair of keys for signing artifacts',
      (command) =>
        command
          .option('output', {
            alias: 'o',
            type: 'string',
            default: 'key.pem',
            requiresArg: true,
            describe: 'where the private key goes; the public one goes beside it: key.pem -> key.pub.pem',
          })
          .options(json),
      async (args) => exitWith((await import('./commands/keygen.ts')).keygenCommand(args)),
    )
    .command(
      'sign <artifact>',
      'sign an artifact; signatures with other keys stay',
      (command) =>
        command
          .positional('artifact', { type: 'string', demandOption: true })
          .option('key', { type: 'string', demandOption: true, requiresArg: true, describe: 'private key, or - for standard input' })
          .option('output', { alias: 'o', type: 'string', requiresArg: true, describe: 'where it goes; default: in its place' })
          .options(json),
      async (args) => exitWith((await import('./commands/sign.ts')).signCommand(args)),
    )
    .command(
      'locate <path> <snapshot..>',
      'file, line and column of an xDS path',
      (command) =>
        command
          .positional('path', { type: 'string', demandOption: true, describe: 'e.g. \'cds["a"].connect_timeout\'' })
          .positional('snapshot', { type: 'string', array: true, demandOption: true })
          .options(json),
      async (args) => exitWith((await import('./commands/locate.ts')).locateCommand(args)),
    )
    .command(
      'diff <old> <new>',
      'what changed between two snapshots or artifacts: exit 0 the same, 1 different, 2 unreadable',
      (command) =>
        readingOptions(
          command
            .positional('old', { type: 'string', demandOption: true, describe: 'a file, a directory or - of a snapshot, or an artifact' })
            .positional('new', { type: 'string', demandOption: true, describe: 'the same' }),
        )
          .option('markdown', { type: 'boolean', default: false, describe: 'for a pull request' })
          .options(json)
          .check((args) => args.old !== '-' || args.new !== '-' || 'only one side can be standard input')
          .check((args) => !args.markdown || !args.json || 'give --json or --markdown, not both'),
      async (args) => exitWith((await import('./commands/diff.ts')).diffCommand(args)),
    )
    .command(
      'test <snapshot> <tests>',
      'route tests that live beside the configuration, and which routes they reach',
      (command) =>
        readingOptions(
          command
            .positional('snapshot', { type: 'string', demandOption: true, describe: 'a file, a directory, or -' })
            .positional('tests', {
              type: 'string',
              demandOption: true,
              describe: 'YAML or JSON: a list of {name, request or dial, expect}',
            }),
        )
          .option('strict', { type: 'boolean', default: false, describe: 'a route that no test reaches is an error' })
          .options(json)
          .check((args) => args.snapshot !== '-' || args.tests !== '-' || 'only the snapshot or the tests can be standard input'),
      async (args) => exitWith((await import('./commands/test.ts')).testCommand(args)),
    )
    .command(
      'golden <action> <directory>',
      'check or bless a directory of snapshots and their outputs, for CI of configurations',
      (command) =>
        command
          .positional('action', { choices: ['check', 'bless'] as const, demandOption: true })
          .positional('directory', {
            type: 'string',
            demandOption: true,
            describe: 'has NAME/snapshot.json, and beside it options.json, tests.yaml, blessed/',
          })
          .option('only', { type: 'string', requiresArg: true, describe: 'cases whose name has this in it' })
          .options(json),
      async (args) => exitWith((await import('./commands/golden.ts')).goldenCommand(args)),
    )
    .command(
      'explain [code]',
      'what a code means and what to do',
      (command) => command.positional('code', { type: 'string', describe: 'e.g. KM2024; all codes without one' }).options(json),
      async (args) => exitWith((await import('./commands/explain.ts')).explainCommand(args)),
    )
    .command(
      'fetch',
      'capture a snapshot from a live ADS server',
      (command) => fetchOptions(command).options(json),
      async (args) => exitWith((await import('./commands/fetch.ts')).fetchCommand(args, productVersion())),
    )
    .completion('completion', 'print a completion script for the shell')
    .check((args) => optionMistake(argv, args, OPTION_RULES) ?? true)
    .demandCommand(1, 'give a command')
    .strict()
    .recommendCommands()
    .version(productVersion())
    .alias('help', 'h')
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .fail((message, error) => wrongUsage(COMMAND_LINE, message, error))
    .parseAsync()
}

runCommandLine(COMMAND_LINE, () => main(hideBin(process.argv)))
