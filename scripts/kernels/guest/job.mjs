/**
 * What is done on each kernel. In: a directory with plan.json (world.ts) and artifacts, the runtime's main file. Out: lines `RESULT {json}`, one for each artifact (GuestResult of
 * result.ts), before them a line `PROOF {json}` (KernelProof of proto/artifact/proof.ts). Plain JavaScript: it runs where there is nothing but Node. All traffic stays on loopback.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { release } from 'node:os'
import { join } from 'node:path'

const [, , folder, runtime] = process.argv
const plan = JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8'))
const SECONDS = 240

const kmesh = (...argv) => spawnSync(process.execPath, [runtime, ...argv], { encoding: 'utf8', timeout: SECONDS * 1000 })
const last = (text) => text.trim().split('\n').slice(-12).join('\n')
const jsonOf = (text) => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Who answered, how many bytes came, and as much padding as the path asks for. */
const serve = (address) =>
  createServer((asked, response) => {
    let bytes = 0
    asked.on('data', (chunk) => {
      bytes += chunk.length
    })
    asked.on('end', () => {
      const padding = /\/size\/(\d+)$/.exec(asked.url)?.[1]
      response.end(`${address}${bytes > 0 ? ` got ${bytes}` : ''}${padding === undefined ? '' : ` ${'x'.repeat(Number(padding))}`}`)
    })
    asked.on('error', () => response.destroy())
  })

for (const { address, port, protocol } of plan.backends) {
  if (protocol === 'udp') {
    const socket = createSocket('udp4')
    socket.on('message', (_, from) => socket.send(address, from.port, from.address))
    await new Promise((resolve) => socket.bind(port, address, resolve))
  } else await new Promise((resolve) => serve(address).listen(port, address, resolve))
}

// what the verifier makes of all programs, for the proof; a refusal is told artifact by artifact below
const proven = jsonOf(kmesh('prove', ...plan.artifacts.map(({ artifact }) => join(folder, artifact)), '--json').stdout)
if (proven?.kernels !== undefined) console.log(`\nPROOF ${JSON.stringify(proven.kernels)}`)

let failed = 0
for (const { name, artifact, asks, serve: serves } of plan.artifacts) {
  const instance = `matrix-${process.pid}-${name}`
  const began = performance.now()
  const applied = kmesh('apply', join(folder, artifact), '--instance', instance, '--json')
  const report = jsonOf(applied.stdout)
  const result = {
    kernel: release(),
    name,
    applied: applied.status === 0,
    seconds: (performance.now() - began) / 1000,
    times: report?.times,
    programs: (report?.programs ?? []).map(({ program, name: own, verifiedInstructions, instructions }) => ({ program: program ?? own, verifiedInstructions, instructions })),
    errors: (report?.diagnostics ?? []).filter(({ severity }) => severity === 'error').map(({ code, message }) => `${code} ${message}`),
    answers: [],
  }
  if (!result.applied && result.errors.length === 0) result.errors.push(last(`${applied.stdout}${applied.stderr}`))
  if (!result.applied) {
    const text = kmesh('apply', join(folder, artifact), '--instance', instance)
    result.log = last(text.stderr)
  }
  let serving
  let stopping = false
  if (result.applied && serves) {
    serving = spawn(process.execPath, [runtime, 'serve', '--instance', instance], { stdio: ['ignore', 'ignore', 'pipe'] })
    await new Promise((resolve) => {
      let said = ''
      serving.stderr.on('data', (chunk) => {
        said += chunk
        if (/(?:started|found) the holder/.test(said)) resolve()
      })
      serving.once('exit', (code) => {
        if (!stopping) result.errors.push(`serve ended with ${code}: ${last(said)}`)
        resolve()
      })
    })
  }
  if (result.applied) {
    const asked = spawn(process.execPath, [runtime, 'exec', '--instance', instance, '--', process.execPath, join(folder, 'ask.mjs'), JSON.stringify(asks)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let out = ''
    asked.stdout.on('data', (chunk) => {
      out += chunk
    })
    await new Promise((resolve) => asked.once('exit', resolve))
    result.answers = jsonOf(out) ?? []
    if (result.answers.length !== asks.length) result.errors.push(`the client said: ${last(out)}`)
  }
  if (serving !== undefined) {
    stopping = true
    kmesh('serve', '--stop', '--instance', instance)
    if (serving.exitCode === null && serving.signalCode === null) await new Promise((resolve) => serving.once('exit', resolve))
  }
  kmesh('detach', '--instance', instance)
  if (!result.applied || result.errors.length > 0) failed++
  console.log(`\nRESULT ${JSON.stringify(result)}`)
}
process.exit(failed === 0 ? 0 : 1)
