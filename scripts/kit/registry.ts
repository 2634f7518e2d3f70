/**
 * A registry for tests: Debian's docker-registry on a loopback address, storing in a directory of its own. In: address and port. Out: a handle; it ends with this process.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface TestRegistry {
  /** ADDRESS:PORT */
  readonly host: string
  /** skopeo copies an artifact's file to REPOSITORY:TAG */
  push(file: string, image: string): void
  /** and back */
  pull(image: string, file: string): void
  stop(): Promise<void>
}

const TRIES = 200

export async function startRegistry(address: string, port: number): Promise<TestRegistry> {
  const directory = mkdtempSync(join(tmpdir(), 'kmeshc-registry-'))
  const host = `${address}:${port}`
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(directory, 'blobs') } },
    http: { addr: host },
  }
  writeFileSync(join(directory, 'config.yml'), JSON.stringify(config))
  // it dies with this process, whatever becomes of it
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'docker-registry', 'serve', join(directory, 'config.yml')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
  })
  let said = ''
  child.stderr?.on('data', (text: Buffer) => {
    said += text.toString()
  })
  for (let left = TRIES; !(await answers(address, port)); left--) {
    if (left === 0 || child.exitCode !== null) throw new Error(`docker-registry does not listen on ${host}: ${said.slice(0, 1000)}`)
    await sleep(50)
  }
  const skopeo = (...args: readonly string[]): void => {
    execFileSync('skopeo', ['--insecure-policy', 'copy', '-q', ...args], { stdio: 'pipe' })
  }
  return {
    host,
    push: (file, image) => skopeo('--dest-tls-verify=false', `oci-archive:${file}`, `docker://${host}/${image}`),
    pull: (image, file) => skopeo('--src-tls-verify=false', `docker://${host}/${image}`, `oci-archive:${file}`),
    stop: async () => {
      await ended(child)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function answers(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}
