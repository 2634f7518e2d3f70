#!/usr/bin/env node
/**
 * The command line of kmesh-runtime: argv -> options, a command's result -> print and exit code. Exit 0 done, 1 coded errors, 2 wrong usage.
 * Commands load what they need when they run, so that `--help` and completion stay quick.
 */
import yargs, { type Argv } from 'yargs'
import { hideBin } from 'yargs/helpers'
import { type CommandLine, exitWith, productVersion, runCommandLine, wrongUsage } from '../proto/command-line.ts'

const COMMAND_LINE: CommandLine = { name: 'kmesh-runtime', debugVariable: 'KMESH_DEBUG' }
const json = { json: { type: 'boolean', default: false, describe: 'JSON on standard output' } } as const
const format = (args: { readonly json: boolean }): 'json' | 'text' => (args.json ? 'json' : 'text')

function instanceOption<T>(command: Argv<T>) {
  return command.option('instance', {
    type: 'string',
    default: 'default',
    requiresArg: true,
    describe: 'name of the instance: its pins are below BPFFS/kmesh/NAME',
  })
}

export async function main(argv: readonly string[]): Promise<void> {
  await yargs([...argv])
    .scriptName(COMMAND_LINE.name)
    .usage('$0 <command>\n\nLoads compiled snapshots into the kernel, where they govern the connections of a cgroup.')
    .parserConfiguration({ 'populate--': true })
    .command(
      'apply <artifact>',
      'make an artifact the generation in force',
      (command) =>
        instanceOption(command)
          .positional('artifact', { type: 'string', demandOption: true, describe: 'what kmeshc compile -o wrote' })
          .option('cgroup', {
            type: 'string',
            requiresArg: true,
            describe: 'existing cgroup v2 directory to govern; default: <cgroup2>/kmesh/<instance>, made for it',
          })
          .option('diverted', {
            choices: ['refuse', 'pass'] as const,
            default: 'refuse' as const,
            describe: 'what happens to connections that need a slow path',
          })
          .option('dry-run', {
            type: 'boolean',
            default: false,
            describe: 'load, make and fill everything, switch nothing, remove it again',
          })
          .option('allow-foreign', { type: 'boolean', default: false, describe: 'accept that programs of others run before ours' })
          .option('reset-existing', { type: 'boolean', default: false, describe: 'destroy live sockets that are not governed' })
          .option('verbose', {
            type: 'boolean',
            default: false,
            describe: 'write the whole verifier log to a file when a program is rejected',
          })
          .options(json)
          .example('$0 apply artifact.tar', 'govern <cgroup2>/kmesh/default')
          .example(
            '$0 apply artifact.tar --cgroup /sys/fs/cgroup/system.slice/shop.service --instance shop',
            'govern a service of systemd',
          ),
      async (args) =>
        exitWith(
          (await import('./commands/apply.ts')).applyCommand({
            artifact: args.artifact,
            instance: args.instance,
            ...(args.cgroup === undefined ? {} : { cgroup: args.cgroup }),
            diverted: args.diverted,
            mode: args.dryRun ? 'dry-run' : 'apply',
            foreign: args.allowForeign ? 'allow' : 'refuse',
            existing: args.resetExisting ? 'reset' : 'count',
            log: args.verbose ? 'file' : 'tail',
            format: format(args),
          }),
        ),
    )
    .command(
      'status',
      'generation, links, what is diverted, counters by name',
      (command) => instanceOption(command).options(json),
      async (args) => exitWith((await import('./commands/status.ts')).statusCommand({ instance: args.instance, format: format(args) })),
    )
    .command(
      'dump',
      'what the kernel holds, by name',
      (command) => instanceOption(command).options(json),
      async (args) => exitWith((await import('./commands/dump.ts')).dumpCommand({ instance: args.instance, format: format(args) })),
    )
    .command(
      'exec',
      'start a command in the governed cgroup: exec -- CMD',
      (command) =>
        instanceOption(command)
          .options(json)
          .check(({ '--': rest }) => (Array.isArray(rest) && rest.length > 0) || 'give a command after --')
          .example('$0 exec -- curl http://127.96.0.1/', 'one governed request'),
      async (args) =>
        exitWith(
          (await import('./commands/exec.ts')).execCommand({
            instance: args.instance,
            command: (args['--'] as string[]).map(String),
            format: format(args),
          }),
        ),
    )
    .command(
      'detach',
      'take an instance out of the kernel; nothing is left behind',
      (command) => instanceOption(command).options(json),
      async (args) => exitWith((await import('./commands/detach.ts')).detachCommand({ instance: args.instance, format: format(args) })),
    )
    .command(
      'doctor',
      'what this machine can do, what is missing, programs of others on the same hooks',
      (command) => command.options(json),
      async (args) => exitWith((await import('./commands/doctor.ts')).doctorCommand({ format: format(args) })),
    )
    .command(
      'serve',
      'the node process: accepts for HTTP services, keeps connections to endpoints, serves what the kernel cannot',
      (command) =>
        instanceOption(command)
          .option('artifact', { type: 'string', requiresArg: true, describe: 'apply this first, unless it is in force' })
          .option('observe', {
            type: 'string',
            array: true,
            default: [] as string[],
            requiresArg: true,
            describe: 'cgroup of servers on this node, whose answers may take the short way',
          })
          .option('waypoint', { type: 'string', requiresArg: true, describe: 'HOST:PORT of an Envoy for what is not done here' })
          .option('stop', { type: 'boolean', default: false, describe: 'end the holder and whoever serves with it' })
          .options(json),
      async (args) =>
        exitWith(
          (await import('./commands/serve.ts')).serveCommand({
            instance: args.instance,
            observe: args.observe,
            mode: args.stop ? 'stop' : 'serve',
            ...(args.artifact === undefined ? {} : { artifact: args.artifact }),
            ...(args.waypoint === undefined ? {} : { waypoint: args.waypoint }),
            format: format(args),
          }),
        ),
    )
    .completion('completion', 'print a completion script for the shell')
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
