/**
 * One process that answers HTTP on many places. In: a line of JSON on standard input, a list of [address, port]. Out: "ready" once it has tried them all, with those where it
 * cannot listen; then 200 to everything, with the place that was reached (x-server) and the path that came (x-asked). Ends with its parent.
 */
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'

const placeText = (address: string, port: number): string => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)

for await (const line of createInterface({ input: process.stdin })) {
  const failed: string[] = []
  await Promise.all(
    (JSON.parse(line) as readonly (readonly [string, number])[]).map(
      ([address, port]) =>
        new Promise<void>((resolve) => {
          const server = createServer((request, response) => {
            response.setHeader('x-server', placeText(address, port))
            response.setHeader('x-asked', String(request.url))
            response.end('ok\n')
          })
          server.once('error', () => {
            failed.push(placeText(address, port))
            resolve()
          })
          server.listen({ host: address, port }, resolve)
        }),
    ),
  )
  process.stdout.write(`ready ${JSON.stringify(failed)}\n`)
}
