/** A client. In: questions (Ask of world.ts) as JSON. Out: for each, how often which answer came, as JSON on standard output. */
import { createSocket } from 'node:dgram'
import { Agent, request } from 'node:http'

const MILLISECONDS = 20_000

/** Padding (job.mjs) as its length. */
const shortened = (body) => body.replace(/ x+$/, (padding) => ` sent ${padding.length - 1}`)

const overHttp = ({ address, port, path, headers, body, keep }, agent) =>
  new Promise((resolve) => {
    const how = {
      host: address,
      port,
      path,
      method: body > 0 ? 'POST' : 'GET',
      headers: body > 0 ? { ...headers, 'content-length': body } : headers,
      agent: keep ? agent : new Agent({ keepAlive: false }),
      timeout: MILLISECONDS,
    }
    const asked = request(how, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('error', (error) => resolve(error.code ?? error.message))
      response.on('end', () => resolve(`${response.statusCode} ${shortened(text)}`))
    })
    asked.on('timeout', () => asked.destroy(new Error('timeout')))
    asked.on('error', (error) => resolve(error.code ?? error.message))
    asked.end(Buffer.alloc(body, 'x'))
  })

const overUdp = ({ address, port }) =>
  new Promise((resolve) => {
    const socket = createSocket('udp4')
    const timer = setTimeout(() => end('timeout'), MILLISECONDS)
    const end = (answer) => {
      clearTimeout(timer)
      socket.close()
      resolve(answer)
    }
    socket.on('message', (message) => end(String(message)))
    socket.on('error', (error) => end(error.code))
    socket.connect(port, address, () => socket.send('?'))
  })

const answers = []
for (const ask of JSON.parse(process.argv[2])) {
  const counts = {}
  const client = async (agent) => {
    for (let time = 0; time < ask.times; time++) {
      const answer = await (ask.protocol === 'udp' ? overUdp(ask) : overHttp(ask, agent))
      counts[answer] = (counts[answer] ?? 0) + 1
    }
    agent.destroy()
  }
  await Promise.all(Array.from({ length: ask.clients }, () => client(new Agent({ keepAlive: true, maxSockets: 1 }))))
  answers.push(counts)
}
console.log(JSON.stringify(answers))
process.exit(0)
