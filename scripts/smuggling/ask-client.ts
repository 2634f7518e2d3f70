/**
 * A client in the governed cgroup that asks as askTarget does. In: lines {"id", "host", "port", "send", "first"} on standard input, in any number at once. Out: for each, when it is over, a
 * line {"id", "text", "closed"}.
 */
import { createInterface } from 'node:readline'
import { type Asked, exchange } from './ask-target.ts'

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, ...asked } = JSON.parse(line) as Asked & { readonly id: number }
  void exchange(asked).then((answer) => process.stdout.write(`${JSON.stringify({ id, ...answer })}\n`))
})
