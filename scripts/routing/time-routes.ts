/**
 * How long the kernel looks for a route: `node --import tsx scripts/routing/time-routes.ts [COUNT...]`, by default 10, 1,000 and 10,000 routes. Out: one line of JSON
 * for each, times in nanoseconds (the least of several rounds), instructions that the verifier walked through. It runs with the rights that it is given.
 */
import { agreedServices } from './agree-with-kernel.ts'
import { askKernel, headText } from './ask-kernel.ts'
import { MANY_REQUESTS, manyRoutes } from './many-routes.ts'

const ROUNDS = 9
const REPEAT = 5000

for (const count of process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10, 1000, 10_000]) {
  const kernel = await askKernel(agreedServices([manyRoutes(count)]))
  const row = kernel.rows[0] as number
  const nanoseconds = Object.fromEntries(
    Object.entries(MANY_REQUESTS).map(([name, { request, route }]) => {
      const reached = kernel.ask(0, request)
      const last = route === '' ? `routes[${count}]` : route
      if (reached.kind !== 'route' || !reached.path.endsWith(last)) throw new Error(`${name}: ${JSON.stringify(reached)}`)
      const times = Array.from({ length: ROUNDS }, () => kernel.trial.ask(headText(request), { service: row, repeat: REPEAT }).nanoseconds)
      return [name, Math.round(Math.min(...times))]
    }),
  )
  console.log(JSON.stringify({ routes: count, nanoseconds, verifiedInstructions: kernel.trial.verifiedInstructions }))
  kernel.close()
}
