/**
 * `npm run fuzz:chains -- --cases N --seed S`: random filter chains and connections (address, port, server name, ALPN, client) before `trace` and a real Envoy. Exit 0: they agree on all
 * of them; 1: what they do not agree on is printed. The same seed draws the same cases. No root.
 */
import yargs from 'yargs'
import { agreeOnChains } from './oracle/agree-on-chains.ts'

const MOST = 400
const { cases, seed, port } = await yargs(process.argv.slice(2))
  .scriptName('fuzz:chains')
  .usage('$0 [--cases N] [--seed S] [--port P]')
  .option('cases', { type: 'number', default: 200, describe: 'how many listeners, 24 connections each' })
  .option('seed', { type: 'number', default: Date.now() % 1_000_000, describe: 'which' })
  .option('port', { type: 'number', default: 22_000, describe: 'the first one; three for each listener' })
  .check(({ cases }) => (cases > 0 && cases <= MOST ? true : `1 to ${MOST} cases`))
  .strict()
  .version(false)
  .parseAsync()

const { refused, connections, wrong } = await agreeOnChains({ seed, count: cases, port })
for (const line of wrong) console.log(line)
console.log(`seed ${seed}: ${cases} listeners, ${refused} refused by both, ${connections} connections; ${wrong.length} disagreements`)
process.exit(wrong.length === 0 ? 0 : 1)
