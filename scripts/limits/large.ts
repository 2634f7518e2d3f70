/** `node --import tsx scripts/limits/large.ts --shape hosts --form dump --megabytes 50 -o FILE`: writes a large snapshot. In: argv. Out: the file, and a line about it. */
import yargs from 'yargs'
import { FORMS } from './forms.ts'
import { SHAPES } from './shapes.ts'
import { writeLarge } from './write.ts'

const argv = await yargs(process.argv.slice(2))
  .scriptName('node --import tsx scripts/limits/large.ts')
  .usage('$0 --shape SHAPE --form FORM --megabytes N -o FILE')
  .option('shape', { choices: SHAPES, demandOption: true, describe: 'what there is much of' })
  .option('form', { choices: FORMS, default: 'dump' as const, describe: 'binary is a DiscoveryResponse' })
  .option('megabytes', { type: 'number', demandOption: true, describe: '1 to 500; the file is a little smaller or larger' })
  .option('output', { alias: 'o', type: 'string', demandOption: true, requiresArg: true, describe: 'file to write' })
  .check(({ megabytes }) => (megabytes >= 1 && megabytes <= 500) || '--megabytes takes a number from 1 to 500')
  .strict()
  .parseAsync()
const size = writeLarge(argv.shape, argv.form, argv.megabytes * 1e6, argv.output)
process.stdout.write(`${argv.output}: ${(size / 1e6).toFixed(1)} MB\n`)
