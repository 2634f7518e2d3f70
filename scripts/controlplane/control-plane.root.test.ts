/**
 * `kmeshc fetch` against a real control plane: main.go, on go-control-plane, over loopback. Slow the first time, because it is built here.
 * Where Go is missing or too old there is nothing to build: the one test then says so, and compiler/fetch/fetch.test.ts has the same over a fake server.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { buildControlPlane, type ControlPlane, type ControlPlaneFiles, startControlPlane } from './control-plane.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'kmeshc-controlplane-'))
const build = buildControlPlane()
const demo = JSON.parse(readFileSync(join(root, 'fixtures/demo/canary-10.json'), 'utf8')) as readonly Readonly<Record<string, unknown>>[]
const MODES = [[], ['--delta']] as const
let files = 0

interface Ended {
  readonly code: number | null
  readonly text: string
  readonly file: string
  readonly seconds: number
  readonly megabytes: number
}

/** Peak memory is that of the process itself, from /usr/bin/time's own source: the kernel. */
function fetch(...args: readonly string[]): Promise<Ended> {
  const file = join(directory, `${++files}.json`)
  const began = performance.now()
  const node = args.includes('--node-id') ? [] : ['--node-id', 'n']
  const child = spawn(process.execPath, ['--import', 'tsx', 'compiler/main.ts', 'fetch', ...node, '-o', file, ...args], {
    cwd: root,
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
  let peak = 0
  const watch = setInterval(() => {
    try {
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0))
    } catch {
      // it has ended
    }
  }, 50)
  return new Promise((resolve) =>
    child.on('close', (code) => {
      clearInterval(watch)
      resolve({ code, text, file, seconds: (performance.now() - began) / 1000, megabytes: peak / 1024 })
    }),
  )
}

let cases = 0

async function serving(
  resources: readonly object[],
  run: (plane: ControlPlane, server: string) => Promise<void>,
  tls?: ControlPlaneFiles,
): Promise<void> {
  if (build.kind !== 'built') throw new Error(build.why)
  cases++
  const plane = await startControlPlane(build.program, tls)
  try {
    await plane.serve('n', '1', resources)
    await run(plane, `127.0.0.1:${plane.port}`)
  } finally {
    await plane.die()
  }
}

const bytes = ({ file }: Ended): string => readFileSync(file, 'utf8')
const kmeshc = (...args: readonly string[]) =>
  spawnSync(process.execPath, ['--import', 'tsx', 'compiler/main.ts', ...args], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 })

function openssl(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' })
  assert.is(status, 0, stderr)
}

/** A root of its own, a server for "plane.test" and 127.0.0.1, and a client. */
function certificates(): ControlPlaneFiles & { readonly ca: string; readonly clientCert: string; readonly clientKey: string } {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  openssl('req', '-x509', ...key, '-subj', '/CN=test root', '-keyout', 'ca.key', '-out', 'ca.pem')
  for (const [name, extension] of [
    ['server', 'subjectAltName=DNS:plane.test,IP:127.0.0.1'],
    ['other', 'subjectAltName=DNS:other.test'],
    ['client', 'extendedKeyUsage=clientAuth'],
  ] as const)
    openssl(
      'req',
      '-x509',
      ...key,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-subj',
      `/CN=${name}`,
      '-addext',
      extension,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    )
  const at = (name: string): string => join(directory, name)
  return { cert: at('server.pem'), key: at('server.key'), ca: at('ca.pem'), clientCert: at('client.pem'), clientKey: at('client.key') }
}

const eds = (name: string) => ({
  '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  name,
  type: 'EDS',
  connect_timeout: '1s',
  eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' } },
})
const assignment = (name: string, first: number, count: number) => ({
  '@type': 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  cluster_name: name,
  endpoints: [
    {
      lb_endpoints: Array.from({ length: count }, (_, index) => {
        const number = first + index
        const address = `127.${96 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`
        return { endpoint: { address: { socket_address: { address, port_value: 8080 } } } }
      }),
    },
  ],
})

if (build.kind === 'no go') {
  test(`the control plane is not tried here: ${build.why}`, () => {
    assert.match(build.why, /Go/)
  })
} else {
  test('it builds', () => assert.is(build.kind, 'built', build.kind === 'failed' ? build.why : ''))

  test('both modes and repeated runs give the same bytes, which check takes without an error, and compile as the original', () =>
    serving(demo, async (plane, server) => {
      const runs = [...(await Promise.all(MODES.map((mode) => fetch('--server', server, ...mode)))), await fetch('--server', server)]
      for (const { code, text } of runs) assert.is(code, 0, text)
      assert.is(new Set(runs.map(bytes)).size, 1)
      assert.is((JSON.parse(bytes(runs[0] as Ended)) as unknown[]).length, demo.length)
      assert.equal(
        plane.seen.filter(({ error }) => error !== ''),
        [],
      )
      const check = kmeshc('check', (runs[0] as Ended).file, '--json')
      assert.is(check.status, 0, check.stdout)
      const digest = (file: string): string => {
        const { stdout, status } = kmeshc('compile', file, '--json', '-o', join(directory, 'artifact.tar'))
        assert.is(status, 0, stdout)
        const { artifact } = JSON.parse(stdout) as { artifact: { config: { tables: object } } }
        return JSON.stringify(artifact.config.tables)
      }
      assert.is(digest((runs[0] as Ended).file), digest(join(root, 'fixtures/demo/canary-10.json')))
    }))

  test('the node is told as given', () =>
    serving(demo, async (plane, server) => {
      const options = ['--node-cluster', 'edge', '--node-metadata', '{"role":"gateway"}', '--locality', 'r/z1']
      for (const mode of MODES) {
        plane.seen.length = 0
        assert.is((await fetch('--server', server, ...mode, ...options)).code, 0)
        const { node, cluster, zone, metadata } = plane.seen[0] ?? {}
        assert.equal([node, cluster, zone, metadata], ['n', 'edge', 'z1', { role: 'gateway' }])
      }
    }))

  test('TLS: trusted, by another name, with a client certificate; and each way in which it fails', async () => {
    const made = certificates()
    await serving(
      demo,
      async (_, server) => {
        const client = ['--cert', made.clientCert, '--key', made.clientKey]
        const port = server.slice(server.indexOf(':'))
        const good = await fetch('--server', server, '--ca', made.ca, ...client)
        assert.is(good.code, 0, good.text)
        assert.is((await fetch('--server', `localhost${port}`, '--ca', made.ca, '--server-name', 'plane.test', ...client)).code, 0)
        const failures = [
          [['--tls', ...client], 'KM1851'],
          [['--ca', made.ca, '--server-name', 'wrong.test', ...client], 'KM1851'],
          [['--ca', made.ca, '--retries', '1'], 'KM185[012]'],
          [['--retries', '1'], 'KM1850'],
        ] as const
        for (const [args, code] of failures) {
          const failed = await fetch('--server', server, ...args)
          assert.is(failed.code, 1, failed.text)
          assert.match(failed.text, new RegExp(`^error ${code}: `), `${args.join(' ')}: ${failed.text}`)
        }
      },
      { ...made, clientCa: made.ca },
    )
  })

  test('what does not validate is answered with a NACK and its reason, and a corrected version is taken', () =>
    serving([{ ...eds('bad'), connect_timeout: '-1s' }, ...demo], async (plane, server) => {
      for (const mode of MODES) {
        plane.seen.length = 0
        const { code, text } = await fetch('--server', server, ...mode)
        assert.is(code, 1, text)
        assert.match(text, /cds\["bad"\]\.connect_timeout/)
        assert.match(plane.seen.find(({ error }) => error !== '')?.error ?? '', /KM1110 cds\["bad"\]\.connect_timeout/)
      }
      await plane.serve('n', '2', demo)
      assert.is((await fetch('--server', server)).code, 0)
    }))

  test('a resource that never comes is named after the time that is allowed', () =>
    serving([eds('with'), eds('without'), assignment('with', 0, 1)], async (_, server) => {
      for (const mode of MODES) {
        const { code, text } = await fetch('--server', server, '--timeout', '1', ...mode)
        assert.is(code, 0, text)
        assert.match(text, /warning KM1854: 1 endpoint assignments never came: "without"/)
      }
    }))

  test('a node that the control plane does not know', () =>
    serving(demo, async (_, server) => {
      const { code, text } = await fetch('--server', server, '--node-id', 'stranger', '--timeout', '1')
      assert.is(code, 1, text)
      assert.match(text, 'error KM1853')
    }))

  test('a server that dies while something is awaited, and one that comes back', () =>
    serving([eds('with'), eds('without'), assignment('with', 0, 1)], async (plane, server) => {
      if (build.kind !== 'built') return
      const gone = fetch('--server', server, '--timeout', '20', '--retries', '1')
      await until(() => plane.seen.some(({ type, nonce }) => type.endsWith('ClusterLoadAssignment') && nonce !== ''))
      await plane.die()
      const failed = await gone
      assert.is(failed.code, 1, failed.text)
      assert.match(failed.text, /error KM185[02]/)
      const again = await startControlPlane(build.program, undefined, plane.port)
      await again.serve('n', '1', [eds('with'), eds('without'), assignment('with', 0, 1)])
      const patient = fetch('--server', server, '--timeout', '20', '--retries', '20')
      await until(() => again.seen.some(({ type, nonce }) => type.endsWith('ClusterLoadAssignment') && nonce !== ''))
      await again.die()
      const third = await startControlPlane(build.program, undefined, plane.port)
      await third.serve('n', '2', [eds('with'), eds('without'), assignment('with', 0, 1), assignment('without', 1, 1)])
      const { code, text, file } = await patient
      await third.die()
      assert.is(code, 0, text)
      assert.is((JSON.parse(readFileSync(file, 'utf8')) as unknown[]).length, 4)
    }))

  test('100,000 endpoints in one response', () => {
    const names = Array.from({ length: 100 }, (_, index) => `cluster-${index}`)
    return serving([...names.map(eds), ...names.map((name, index) => assignment(name, index * 1000, 1000))], async (_, server) => {
      const runs: Ended[] = []
      for (const mode of MODES) {
        const run = await fetch('--server', server, '--timeout', '60', ...mode)
        assert.is(run.code, 0, run.text)
        console.log(
          `100,000 endpoints ${mode.join('') || 'state of the world'}: ${run.seconds.toFixed(2)} s, ${run.megabytes.toFixed(0)} MB`,
        )
        runs.push(run)
      }
      assert.ok(bytes(runs[0] as Ended) === bytes(runs[1] as Ended))
      assert.is(bytes(runs[0] as Ended).split('"port_value": 8080').length - 1, 100_000)
    })
  })
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 20) {
    if (waited > 20_000) throw new Error('it did not happen within 20 s')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test.after(() => {
  rmSync(directory, { recursive: true, force: true })
  console.log(`control plane: ${cases} cases against go-control-plane`)
})

test.run()
