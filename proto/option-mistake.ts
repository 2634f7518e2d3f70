/**
 * What yargs takes without a word and a user did not mean: a switch with a value that is neither true nor false, an option given twice of which one would count,
 * and --json beside another format. In: argv and the options as yargs read them. Out: what is wrong, or undefined.
 */
export interface OptionRules {
  /** options without a value, by their long names */
  readonly switches: readonly string[]
  /** options and positionals that may be given several times */
  readonly lists: readonly string[]
}

export function optionMistake(
  argv: readonly string[],
  args: Readonly<Record<string, unknown>>,
  { switches, lists }: OptionRules,
): string | undefined {
  const end = argv.indexOf('--')
  for (const argument of end < 0 ? argv : argv.slice(0, end)) {
    const [, name = '', value = ''] = /^--(?:no-)?([\w-]+)=(.*)$/s.exec(argument) ?? []
    if (switches.includes(name) && value !== 'true' && value !== 'false') return `--${name} takes no value`
  }
  const twice = Object.entries(args).find(([name, value]) => Array.isArray(value) && name.length > 1 && !lists.includes(name))
  if (twice !== undefined) return `give --${twice[0].replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} once`
  if (args.json !== true || args.format === undefined || args.format === 'json') return undefined
  return `give --json or --format ${String(args.format)}, not both`
}
