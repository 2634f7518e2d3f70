#!/usr/bin/env node
/**
 * The command line of kmesh-runtime: argv -> options, a command's result -> print and exit code. Exit 0 done, 1 coded errors, 2 wrong usage.
 * Commands load what they need when they run, so that `--help` and completion stay quick.
 */
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { generationCommands, keepOption } from './commands/generation-commands.ts'
import { checkValues, format, governedOptions, instanceOption, json, labelsOf, secondsOf, trustOption } from './commands/options.ts'
import { DEFAULT_OWNERS, OWNER_LABELS } from './metrics/bound.ts'
import { type OptionRules, optionMistake } from '../proto/option-mistake.ts'
import { type CommandLine, exitWith, productVersion, runCommandLine, wrongUsage } from '../proto/command-line.ts'

const COMMAND_LINE: CommandLine = { name: 'kmesh-runtime', debugVariable: 'KMESH_DEBUG' }

const OPTION_RULES: OptionRules = {
  switches: ['json', 'dry-run', 'reset-existing', 'verbose', 'allow-foreign', 'once', 'plain-http', 'stop', 'help', 'version'],
  // of --labels a list is made
  lists: ['_', '--', 'artifacts', 'key', 'observe', 'opt-out', 'optOut', 'labels'],
}

export async function main(argv: readonly string[]): Promise<void> {
  const program = yargs([...argv])
    .scriptName(COMMAND_LINE.name)
    .usage('$0 <command>\n\nLoads compiled snapshots into the kernel, where they govern the connections of a cgroup.')
    .parserConfiguration({ 'populate--': true })
  await generationCommands(program)
    .command(
      'apply <artifact>',
      'make an artifact the generation in force',
      (command) =>
        trustOption(instanceOption(command))
          .positional('artifact', { type: 'string', demandOption: true, describe: 'what kmeshc compile -o wrote' })
          .options(governedOptions)
          .options(keepOption)
          .option('plan', { type: 'string', requiresArg: true, describe: 'file of `plan -o`: refuse if it does not hold any more' })
          .option('probe', {
            type: 'string',
            requiresArg: true,
            describe: 'file of dials with their expected outcome, made right after the switch: one that fails takes it back',
          })
          .option('confirm-within', {
            type: 'string',
            requiresArg: true,
            coerce: secondsOf,
            describe: 'wait, and take it back unless `confirm` comes in this time: 30s',
          })
          .option('dry-run', {
            type: 'boolean',
            default: false,
            describe: 'load, make and fill everything, switch nothing, remove it again',
          })
          .option('reset-existing', { type: 'boolean', default: false, describe: 'destroy live sockets that are not governed' })
          .option('verbose', {
            type: 'boolean',
            default: false,
            describe: 'write the whole verifier log to a file when a program is rejected',
          })
          .options(json)
          .check(checkValues)
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
            ...(args.trust === undefined ? {} : { trust: args.trust }),
            ...(args.cgroup === undefined ? {} : { cgroup: args.cgroup }),
            diverted: args.diverted,
            mode: args.dryRun ? 'dry-run' : 'apply',
            foreign: args.allowForeign ? 'allow' : 'refuse',
            existing: args.resetExisting ? 'reset' : 'count',
            log: args.verbose ? 'file' : 'tail',
            ...(args.keep === undefined ? {} : { keep: args.keep }),
            ...(args.plan === undefined ? {} : { plan: args.plan }),
            ...(args.probe === undefined ? {} : { probe: args.probe }),
            ...(args.confirmWithin === undefined ? {} : { confirmWithin: args.confirmWithin }),
            format: format(args),
          }),
        ),
    )
    .command(
      'verify <artifact>',
      'is an artifact whole, and signed by somebody who is trusted?',
      (command) =>
        trustOption(command)
          .positional('artifact', { type: 'string', demandOption: true })
          .option('key', {
            type: 'string',
            array: true,
            nargs: 1,
            default: [] as string[],
            describe: 'public key, in place of the trust policy of this node',
          })
          .options(json)
          .check((args) => args.key.length === 0 || args.trust === undefined || 'give --key or --trust, not both'),
      async (args) =>
        exitWith(
          (await import('./commands/verify.ts')).verifyCommand({
            artifact: args.artifact,
            keys: args.key,
            ...(args.trust === undefined ? {} : { trust: args.trust }),
            format: format(args),
          }),
        ),
    )
    .command(
      'prove <artifacts..>',
      'what this kernel makes of the programs, as kmeshc compile --proof takes it: loads them and leaves nothing',
      (command) =>
        trustOption(command)
          .positional('artifacts', { type: 'string', array: true, demandOption: true })
          .option('output', { alias: 'o', type: 'string', requiresArg: true, describe: 'write the proof there' })
          .options(json),
      async (args) =>
        exitWith(
          (await import('./commands/prove.ts')).proveCommand({
            artifacts: args.artifacts,
            ...(args.trust === undefined ? {} : { trust: args.trust }),
            ...(args.output === undefined ? {} : { output: args.output }),
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
        trustOption(instanceOption(command))
          .option('artifact', {
            type: 'string',
            requiresArg: true,
            describe: 'apply this artifact or delta first, unless it is in force: at each start, whatever was applied since',
          })
          .option('observe', {
            type: 'string',
            array: true,
            default: [] as string[],
            requiresArg: true,
            describe: 'cgroup of servers on this node, whose answers may take the short way',
          })
          .option('opt-out', {
            type: 'string',
            array: true,
            default: [] as string[],
            requiresArg: true,
            describe: 'cgroup of clients whose requests user space serves: programs that use splice() or MSG_WAITALL, or block in recv()',
          })
          .option('waypoint', { type: 'string', requiresArg: true, describe: 'HOST:PORT of an Envoy for what is not done here' })
          .option('stop', { type: 'boolean', default: false, describe: 'end the holder and whoever serves with it' })
          .options(json),
      async (args) =>
        exitWith(
          (await import('./commands/serve.ts')).serveCommand({
            instance: args.instance,
            observe: args.observe,
            optOut: args.optOut,
            mode: args.stop ? 'stop' : 'serve',
            ...(args.artifact === undefined ? {} : { artifact: args.artifact }),
            ...(args.trust === undefined ? {} : { trust: args.trust }),
            ...(args.waypoint === undefined ? {} : { waypoint: args.waypoint }),
            format: format(args),
          }),
        ),
    )
    .command(
      'watch <source>',
      'apply what appears in a directory, or under a tag of a registry',
      (command) =>
        trustOption(instanceOption(command))
          .positional('source', { type: 'string', demandOption: true, describe: 'a directory of *.tar, or oci:REGISTRY/REPOSITORY:TAG' })
          .option('interval', { type: 'number', default: 5, requiresArg: true, describe: 'seconds between two looks' })
          .option('once', { type: 'boolean', default: false, describe: 'look once; exit 0 when what is there is in force' })
          .option('cgroup', { type: 'string', requiresArg: true, describe: 'as for apply' })
          .option('diverted', { choices: ['refuse', 'pass'] as const, default: 'refuse' as const, describe: 'as for apply' })
          .option('allow-foreign', { type: 'boolean', default: false, describe: 'as for apply' })
          .option('cache', { type: 'string', default: '/var/cache/kmesh', requiresArg: true, describe: 'where fetched layers are kept' })
          .option('authfile', {
            type: 'string',
            requiresArg: true,
            describe: 'credentials, as skopeo login writes them; default: REGISTRY_AUTH_FILE',
          })
          .option('plain-http', { type: 'boolean', default: false, describe: 'the registry has no TLS' })
          .options({ json: { ...json.json, describe: 'a line of JSON for each result' } })
          .check(({ interval }) => (interval >= 0.1 && interval <= 86_400) || '--interval takes seconds, from 0.1 on')
          .example('$0 watch oci:registry.example/mesh/data-plane:latest', 'follow a tag'),
      async (args) =>
        exitWith(
          (await import('./commands/watch.ts')).watchCommand({
            source: args.source,
            instance: args.instance,
            interval: args.interval,
            looks: args.once ? 'once' : 'again',
            ...(args.trust === undefined ? {} : { trust: args.trust }),
            ...(args.cgroup === undefined ? {} : { cgroup: args.cgroup }),
            diverted: args.diverted,
            foreign: args.allowForeign ? 'allow' : 'refuse',
            cache: args.cache,
            transport: args.plainHttp ? 'http' : 'https',
            ...(args.authfile === undefined ? {} : { authfile: args.authfile }),
            format: format(args),
          }),
        ),
    )
    .command(
      'monitor',
      'decisions as they are made: connection or request, listener, cluster, endpoint, reason',
      (command) =>
        instanceOption(command)
          .option('listener', { type: 'string', requiresArg: true, describe: 'only of this listener' })
          .option('cluster', { type: 'string', requiresArg: true, describe: 'only of this cluster' })
          .option('endpoint', { type: 'string', requiresArg: true, describe: 'only of this endpoint: IP:PORT' })
          .option('reason', {
            type: 'string',
            requiresArg: true,
            describe: 'only what was refused, failed or fell to user space for this reason',
          })
          .option('kind', {
            choices: ['given', 'refused', 'failed', 'accepted', 'request', 'reply', 'user-space'] as const,
            describe: 'only decisions of this kind',
          })
          .option('count', { type: 'number', requiresArg: true, describe: 'end after so many' })
          .options({ json: { ...json.json, describe: 'a line of JSON for each decision' } })
          .check(({ count }) => count === undefined || (Number.isInteger(count) && count > 0) || '--count takes a number from 1 on')
          .example('$0 monitor --reason overflow', 'who meets a circuit breaker'),
      async (args) =>
        exitWith(
          (await import('./commands/monitor.ts')).monitorCommand({
            instance: args.instance,
            only: {
              ...(args.listener === undefined ? {} : { listener: args.listener }),
              ...(args.cluster === undefined ? {} : { cluster: args.cluster }),
              ...(args.endpoint === undefined ? {} : { endpoint: args.endpoint }),
              ...(args.reason === undefined ? {} : { reason: args.reason }),
              ...(args.kind === undefined ? {} : { kind: args.kind }),
            },
            count: args.count ?? Number.POSITIVE_INFINITY,
            format: format(args),
          }),
        ),
    )
    .command(
      'metrics',
      'what is counted, as OpenMetrics text: once, or over HTTP with --listen',
      (command) =>
        instanceOption(command)
          .option('listen', {
            type: 'string',
            requiresArg: true,
            describe: 'serve /metrics at ADDRESS:PORT until asked to end; a port alone is on 127.0.0.1',
          })
          .option('labels', {
            type: 'string',
            default: OWNER_LABELS.join(','),
            requiresArg: true,
            coerce: labelsOf,
            describe: 'what has series of its own; the rest is summed as "other"',
          })
          .option('max-owners', {
            type: 'number',
            default: DEFAULT_OWNERS,
            requiresArg: true,
            describe:
              'listeners, clusters, endpoints and routes with series of their own, rounded down to a power of two; the rest is summed as "other"',
          })
          .option('format', { choices: ['openmetrics', 'classic'] as const, default: 'openmetrics' as const, describe: 'without --listen' })
          .check(({ labels, 'max-owners': most }) =>
            labels === undefined
              ? `--labels takes some of ${OWNER_LABELS.join(', ')}, or none`
              : (Number.isInteger(most) && most >= 0) || '--max-owners takes a number from 0 on',
          )
          .example('$0 metrics --listen 127.0.0.1:9464', 'for Prometheus'),
      async (args) =>
        exitWith(
          (await import('./commands/metrics.ts')).metricsCommand({
            instance: args.instance,
            ...(args.listen === undefined ? {} : { listen: args.listen }),
            labels: args.labels as NonNullable<typeof args.labels>,
            maxOwners: args.maxOwners,
            exposition: args.format,
          }),
        ),
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
