/** The commands that deal with generations: options -> a command's function. They load what they need when they run. */
import type { Argv } from 'yargs'
import { exitWith } from '../../proto/command-line.ts'
import { checkValues, countUpTo, format, governedOptions, instanceOption, json, trustOption } from './options.ts'

/** As GENERATION_SLOTS allows (generation.ts, MOST_KEEP), which is not loaded for `--help`. */
const MOST_KEEP = 12

export const keepOption = {
  keep: {
    requiresArg: true,
    coerce: countUpTo(MOST_KEEP),
    type: 'string',
    describe: 'how many generations stay for a way back, from now on (3 at first)',
  },
} as const

export function generationCommands<T>(program: Argv<T>): Argv<T> {
  return program
    .command(
      'plan <artifact>',
      'what an apply would do: nothing comes into force',
      (command) =>
        trustOption(instanceOption(command))
          .positional('artifact', { type: 'string', demandOption: true, describe: 'what kmeshc compile -o wrote' })
          .options(governedOptions)
          .options(keepOption)
          .option('output', { alias: 'o', type: 'string', requiresArg: true, describe: 'write the plan there, for apply --plan' })
          .options(json)
          .check(checkValues),
      async (args) =>
        exitWith(
          (await import('./plan.ts')).planCommand({
            artifact: args.artifact,
            instance: args.instance,
            ...(args.trust === undefined ? {} : { trust: args.trust }),
            ...(args.cgroup === undefined ? {} : { cgroup: args.cgroup }),
            diverted: args.diverted,
            foreign: args.allowForeign ? 'allow' : 'refuse',
            ...(args.keep === undefined ? {} : { keep: args.keep }),
            ...(args.output === undefined ? {} : { output: args.output }),
            format: format(args),
          }),
        ),
    )
    .command(
      'rollback',
      'bring a generation that is kept into force again',
      (command) =>
        instanceOption(command)
          .option('to', {
            type: 'string',
            requiresArg: true,
            coerce: countUpTo(Number.MAX_SAFE_INTEGER),
            describe: 'number of the generation, as history shows it; default: the one before the one in force',
          })
          .options(json)
          .check(checkValues),
      async (args) =>
        exitWith(
          (await import('./rollback.ts')).rollbackCommand({
            instance: args.instance,
            ...(args.to === undefined ? {} : { to: args.to }),
            format: format(args),
          }),
        ),
    )
    .command(
      'history',
      'the generations that are kept',
      (command) => instanceOption(command).options(json),
      async (args) => exitWith((await import('./history.ts')).historyCommand({ instance: args.instance, format: format(args) })),
    )
    .command(
      'gc',
      'clear away generations that are not kept, and those that a rollback went behind',
      (command) => instanceOption(command).options(keepOption).options(json).check(checkValues),
      async (args) =>
        exitWith(
          (await import('./gc.ts')).gcCommand({
            instance: args.instance,
            ...(args.keep === undefined ? {} : { keep: args.keep }),
            format: format(args),
          }),
        ),
    )
    .command(
      'confirm',
      'keep a generation that was applied with --confirm-within',
      (command) => instanceOption(command).options(json),
      async (args) => exitWith((await import('./confirm.ts')).confirmCommand({ instance: args.instance, format: format(args) })),
    )
    .command(
      'diff <artifact>',
      'does the kernel hold what the artifact says, entry by entry? exit 1 when it does not',
      (command) =>
        trustOption(instanceOption(command))
          .positional('artifact', { type: 'string', demandOption: true, describe: 'the one in force' })
          .options(json),
      async (args) =>
        exitWith(
          (await import('./diff.ts')).diffCommand({
            artifact: args.artifact,
            instance: args.instance,
            ...(args.trust === undefined ? {} : { trust: args.trust }),
            format: format(args),
          }),
        ),
    )
    .command(
      'repair [artifact]',
      'put right what drifted',
      (command) =>
        trustOption(instanceOption(command))
          .positional('artifact', { type: 'string', describe: 'the one in force; without it entries of tables are not compared' })
          .options(json),
      async (args) =>
        exitWith(
          (await import('./repair.ts')).repairCommand({
            ...(args.artifact === undefined ? {} : { artifact: args.artifact }),
            instance: args.instance,
            ...(args.trust === undefined ? {} : { trust: args.trust }),
            format: format(args),
          }),
        ),
    ) as Argv<T>
}
