/**
 * How long the kernel parses a head: `node --import tsx scripts/routing/time-parse.ts`. Out: one line of JSON for each head, times in nanoseconds (the least of several
 * rounds), instructions that the verifier walked through. It runs with the rights that it is given.
 */
import { POST, requestText, SMALL } from '../bench-http/requests.ts'
import { headText } from './ask-kernel.ts'
import { MANY_REQUESTS } from './many-routes.ts'
import { openParser } from './open-parser.ts'

const ROUNDS = 3000

/** What a browser sends. */
const BROWSER = requestText({
  method: 'GET',
  path: '/reviews/17?page=3&sort=newest&language=en',
  headers: [
    ...(SMALL[0]?.headers ?? []).filter(([name]) => name !== 'x-want'),
    ['Referer', 'https://shop.example/reviews?page=2&sort=old'],
    ['Cache-Control', 'max-age=0'],
    ['Upgrade-Insecure-Requests', '1'],
  ],
  body: 0,
})

const parser = await openParser()
const heads = [
  BROWSER,
  headText(MANY_REQUESTS.prefix.request),
  ...[...SMALL, ...POST].map((request) => requestText({ ...request, body: 0 })),
]
for (const head of heads) {
  const times = Array.from({ length: ROUNDS }, () => {
    const answer = parser.ask(head)
    if (answer.result !== 'whole' || answer.headLength !== head.length) throw new Error(JSON.stringify(answer))
    return answer.nanoseconds
  })
  const { verifiedInstructions } = parser
  const headers = head.split('\r\n').length - 3
  console.log(JSON.stringify({ bytes: head.length, headers, nanoseconds: Math.round(Math.min(...times)), verifiedInstructions }))
}
parser.close()
