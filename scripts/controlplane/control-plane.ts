/**
 * The control plane of the tests as a process. In: a port range and certificates; out: a server on loopback that serves what it is told to.
 * It is built from main.go when Go is there; where it is not, `buildControlPlane` says so and a test can say it too.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type Build, buildGo } from '../go-program.ts'

/** Some 26 MB of modules and half a minute the first time. */
export function buildControlPlane(): Build {
  return buildGo('controlplane')
}

/** One request of a client, as main.go prints it. */
export interface SeenRequest {
  readonly mode: 'sotw' | 'delta'
  readonly stream: number
  readonly type: string
  readonly names: number
  readonly version?: string
  readonly nonce: string
  readonly error: string
  readonly node: string
  readonly cluster: string
  readonly zone: string
  readonly metadata: Readonly<Record<string, unknown>>
}

export interface ControlPlane {
  readonly port: number
  readonly seen: SeenRequest[]
  /** what the node gets from now on */
  serve(node: string, version: string, resources: readonly object[]): Promise<void>
  /** closes every connection at once; resolves when the process has ended */
  die(): Promise<void>
}

export interface ControlPlaneFiles {
  readonly cert: string
  readonly key: string
  readonly clientCa?: string
}

const FIRST_PORT = 31_900
const PORTS = 99

export async function startControlPlane(program: string, files?: ControlPlaneFiles, port?: number): Promise<ControlPlane> {
  const tls = files === undefined ? [] : ['-cert', files.cert, '-key', files.key, ...(files.clientCa ? ['-client-ca', files.clientCa] : [])]
  const candidates = port === undefined ? Array.from({ length: PORTS }, (_, index) => FIRST_PORT + ((process.pid + index) % PORTS)) : [port]
  let said = ''
  for (const candidate of candidates) {
    const child = spawn(program, ['-listen', `127.0.0.1:${candidate}`, ...tls])
    const started = await converse(child)
    if (typeof started !== 'string') return started
    said = started
  }
  throw new Error(`the control plane does not start: ${said}`)
}

interface Line {
  readonly port?: number
  readonly done?: string
  readonly error?: string
  readonly request?: SeenRequest
}

/** The server, or what it said when it ended instead. */
function converse(child: ChildProcessWithoutNullStreams): Promise<ControlPlane | string> {
  const seen: SeenRequest[] = []
  const answers: ((line: Line) => void)[] = []
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  child.stdin.on('error', () => undefined)
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  const undo = (): void => {
    child.kill('SIGKILL')
  }
  process.once('exit', undo)
  return new Promise((resolve) => {
    void ended.then(() => {
      process.off('exit', undo)
      resolve(stderr.trim())
    })
    createInterface(child.stdout).on('line', (text) => {
      const line = JSON.parse(text) as Line
      if (line.request !== undefined) seen.push(line.request)
      else if (line.port !== undefined) resolve({ port: line.port, seen, serve, die })
      else answers.shift()?.(line)
    })
    const serve = async (node: string, version: string, resources: readonly object[]): Promise<void> => {
      const answer = new Promise<Line>((found) => {
        answers.push(found)
      })
      child.stdin.write(`${JSON.stringify({ node, version, resources })}\n`)
      const { error } = await answer
      if (error !== undefined) throw new Error(error)
    }
    const die = async (): Promise<void> => {
      child.stdin.write('{"die": true}\n')
      child.stdin.end()
      await ended
    }
  })
}
