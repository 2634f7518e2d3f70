/**
 * One HTTP server of the demo, a process of its own. In: argv ADDRESS PORT NAME; messages `count` from its parent. Out: its name as the
 * answer to every request, and in headers who it is (x-server) and which path reached it (x-asked); the numbers of TCP connections and requests it has had
 * as the answer to `count`. Ends with its parent.
 */
import { createServer } from 'node:http'

const [address, port, name] = process.argv.slice(2)
let connections = 0
let requests = 0
const server = createServer((request, response) => {
  requests++
  response.setHeader('x-server', String(name))
  response.setHeader('x-asked', String(request.url))
  response.end(`${name}\n`)
})
server.on('connection', () => {
  connections++
})
server.on('error', (error) => {
  process.stderr.write(`backend ${name}: ${error.message}\n`)
  process.exit(1)
})
server.listen({ host: address, port: Number(port), backlog: 1024 }, () => process.send?.('ready'))
process.on('message', () => process.send?.({ connections, requests }))
process.on('disconnect', () => process.exit(0))
// Control-C on the terminal reaches the whole group; the parent asks for the last counts and then lets go.
process.on('SIGINT', () => {})
