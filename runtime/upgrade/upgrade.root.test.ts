/**
 * Two builds of the runtime that lay out state rows differently take an instance from each other, under live connections: what is counted stays counted, what is released is released once; an
 * apply that fails or is killed on the way leaves one of the two, whole.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openArtifact } from '../../proto/artifact/open.ts'
import { type Command, command, ROOT } from '../../scripts/commands.ts'
import { startBackends } from '../../scripts/kit/backend.ts'
import { buildHolder } from '../../scripts/kit/build-holder.ts'
import { makeCgroup } from '../../scripts/kit/cgroup.ts'
import { undoAtExit } from '../../scripts/kit/cleanup.ts'
import { startDialer } from '../../scripts/kit/dialer.ts'
import { watchCalls } from '../../scripts/kit/faults.ts'
import { kernelView } from '../../scripts/kit/kernel-view.ts'
import { noMachine } from '../../scripts/kit/no-machine.ts'
import { otherBuild } from '../../scripts/kit/other-build.ts'
import { apply } from '../apply.ts'
import { detach } from '../detach.ts'
import { nextPinsOf } from '../pins.ts'
import { existingPins } from '../place.ts'
import { askHolder } from '../serve/holder-presence.ts'
import { ensureBpffs } from '../sys/mountinfo.ts'

/** This file is also the runtime that gets killed: `upgrade.root.test.ts INSTANCE ARTIFACT CALL`. */
const [, , childInstance, childArtifact, killAt] = process.argv
const INSTANCE = childInstance ?? `kmesh-upgrade-${process.pid}`
const applied = (file: string, more: Partial<Parameters<typeof apply>[0]> = {}) => {
  const opened = openArtifact(file)
  if (opened.kind === 'invalid') throw new Error(opened.error.message)
  return apply({ artifact: opened.artifact, instance: INSTANCE, diverted: 'refuse', mode: 'apply', host: noMachine(), ...more })
}

if (killAt !== undefined) {
  watchCalls((index) => {
    if (index === Number(killAt)) process.kill(process.pid, 'SIGKILL')
    return undefined
  })
  await applied(childArtifact as string)
  process.exit(0)
}

/** Places where it is killed. */
const PLACES = Number(process.env.KMESH_CRASHES ?? 6)
const folder = mkdtempSync(join(tmpdir(), 'kmesh-upgrade-'))
const cgroup = makeCgroup('kmesh-upgrade')
undoAtExit(() => {
  if (existingPins(INSTANCE) !== null) detach(INSTANCE)
  rmSync(folder, { recursive: true, force: true })
})
ensureBpffs()
const SERVICE = { address: '127.68.20.1', port: 80 }
const SERVERS = ['127.68.20.11', '127.68.20.12']
/** More than connections that have ended and still hold their place. */
const MOST = 40
/** One after the other, some seconds long. */
const DIALS = 20_000
const socket = (address: string, port: number, protocol = 'TCP') => ({ socket_address: { address, port_value: port, protocol } })
const typed = (name: string, type: string, fields: object) => ({
  name,
  typed_config: { '@type': `type.googleapis.com/${type}`, ...fields },
})
const snapshot = join(folder, 'snapshot.json')
writeFileSync(
  snapshot,
  JSON.stringify({
    resources: [
      {
        '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener',
        name: 'shop',
        address: socket(SERVICE.address, SERVICE.port),
        filter_chains: [
          { filters: [typed('tcp', 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', { stat_prefix: 'shop', cluster: 'shop' })] },
        ],
      },
      {
        '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
        name: 'shop',
        type: 'STATIC',
        circuit_breakers: { thresholds: [{ max_connections: MOST }] },
        load_assignment: {
          cluster_name: 'shop',
          endpoints: [{ lb_endpoints: SERVERS.map((address) => ({ endpoint: { address: socket(address, 8080) } })) }],
        },
      },
    ],
  }),
)

/** State rows with a field more, which moves those behind it. */
const other = otherBuild((abi) =>
  abi.replace("    active: ['u32', 'live connections'],\n", "$&    later: ['u64', 'of a version to come'],\n"),
)
/** Sockets with a field more. */
const strangers = otherBuild((abi) =>
  abi.replace("  generation: ['u64', 'generation that decided'],\n", "$&  later: ['u64', 'of a version to come'],\n"),
)

type Build = { readonly command: (name: Command) => readonly [string, ...string[]] }
const ours: Build = { command }
const files = new Map<Build, string>()
for (const [build, name] of [
  [ours, 'ours.tar'],
  [other, 'other.tar'],
  [strangers, 'strangers.tar'],
] as const) {
  files.set(build, join(folder, name))
  run(build, 'kmeshc', 'compile', snapshot, '-o', join(folder, name))
}

interface Report {
  readonly diagnostics: readonly { readonly code: string; readonly message: string }[]
  readonly generation?: number
  readonly artifact?: string
  readonly clusters?: readonly {
    readonly active: number
    readonly connections: number
    readonly endpoints: readonly { readonly active: number; readonly connections: number }[]
  }[]
  readonly inForce?: { readonly generation: number }
}

function run(build: Build, name: Command, ...args: readonly string[]): Report {
  const [program, ...rest] = [...build.command(name), ...args, '--json']
  const { stdout, stderr } = spawnSync(program, rest, { encoding: 'utf8', cwd: ROOT, maxBuffer: 64 << 20 })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as Report
}

const codes = ({ diagnostics }: Report): readonly string[] => diagnostics.map(({ code }) => code)
const runtime = (build: Build, name: string, ...args: readonly string[]): Report =>
  run(build, 'kmesh-runtime', name, ...args, '--instance', INSTANCE)
const applyOf = (build: Build, ...args: readonly string[]): Report =>
  runtime(build, 'apply', files.get(build) as string, '--cgroup', cgroup.path, ...args)
/** As the cluster counts, and its endpoints together. */
function counts(build: Build): { readonly active: number; readonly connections: number } {
  const [cluster] = runtime(build, 'status').clusters ?? []
  if (cluster === undefined) throw new Error('no cluster')
  const sum = (name: 'active' | 'connections'): number => cluster.endpoints.reduce((total, endpoint) => total + endpoint[name], 0)
  assert.equal([sum('active'), sum('connections')], [cluster.active, cluster.connections])
  return { active: cluster.active, connections: cluster.connections }
}

/** A place is given back when the connection has ended at both sides, which its client does not wait for. */
async function settled(build: Build, active: number, connections?: number): Promise<void> {
  for (let tries = 0; tries < 40 && counts(build).active !== active; tries++) await sleep(250)
  const now = counts(build)
  assert.equal(now, { active, connections: connections ?? now.connections })
}

const backends = await startBackends(
  SERVERS.map((address) => ({ address, port: 8080, protocol: 'tcp' as const })),
  {},
)
const dialer = startDialer({ cgroup: cgroup.path })
const dial = async (count: number, hold?: string): Promise<readonly [reached: number, refused: number]> => {
  const { reached, failed } = await dialer.dial({ protocol: 'tcp', ...SERVICE, count, ...(hold === undefined ? {} : { hold }) })
  const sum = (list: Readonly<Record<string, number>>): number => Object.values(list).reduce((total, one) => total + one, 0)
  return [sum(reached), sum(failed)]
}
/** system calls of an apply that takes over */
let calls = 0
const nextRoot = (): string => nextPinsOf(ensureBpffs().path, INSTANCE).root
const nextPlace = (): boolean => {
  const place = existingPins(INSTANCE)
  return place !== null && existsSync(nextPinsOf(place.bpffs, INSTANCE).root)
}

test('counts of live connections go over to other layouts and back; each is released once', async () => {
  assert.equal(codes(applyOf(ours)), [])
  assert.equal(await dial(2, 'first'), [2, 0])
  assert.equal(await dial(5), [5, 0])
  await settled(ours, 2, 7)
  assert.ok(codes(runtime(other, 'status')).includes('KM9108'), 'only an apply takes over')

  const plan = runtime(other, 'plan', files.get(other) as string)
  assert.ok(codes(plan).includes('KM9142'), 'the plan says so')
  assert.match(
    plan.diagnostics.find(({ code }) => code === 'KM9142')?.message ?? '',
    /km_seats.* stay; rows of km_state \(\+later\) are moved/,
  )
  assert.is(plan.inForce?.generation, 1)
  await settled(ours, 2, 7)

  const taken = applyOf(other)
  assert.equal(codes(taken), ['KM9142'])
  assert.is(taken.generation, 2, 'numbers go on')
  assert.equal(nextPlace(), false)
  await settled(other, 2, 7)
  assert.equal(await dial(MOST - 1, 'second'), [MOST - 2, 1], `two of ${MOST} places were taken`)
  assert.is(await dialer.release('first'), 2)
  await settled(other, MOST - 2)
  assert.equal(await dial(2, 'third'), [2, 0])
  await settled(other, MOST, MOST + 7)

  assert.equal(codes(applyOf(ours)), ['KM9142'], 'and back')
  assert.equal(await dial(1), [0, 1])
  assert.is((await dialer.release('second')) + (await dialer.release('third')), MOST + 1, 'with the one that was refused')
  await settled(ours, 0)
  assert.equal(await dial(5), [5, 0])
  await settled(ours, 0, MOST + 12)
  assert.equal(codes(runtime(ours, 'rollback')), ['KM9127'], 'generations of others are no way back')
})

test('under load no connection fails, and the sums are right', async () => {
  await settled(ours, 0)
  const before = counts(ours)
  // by another process: applies hold up this one
  const load = dial(DIALS)
  for (const build of [other, ours]) assert.equal(codes(applyOf(build)), ['KM9142'])
  assert.equal(await load, [DIALS, 0])
  await settled(ours, 0)
  const after = counts(ours)
  const counted = after.connections - before.connections
  assert.is(counted, DIALS)
})

test('a probe that fails brings the old programs back, with what was counted meanwhile', async () => {
  assert.equal(await dial(1, 'kept'), [1, 0])
  assert.equal(codes(applyOf(other)), ['KM9142'])
  await settled(other, 1)
  const was = counts(other)
  const failing = applied(files.get(ours) as string, {
    cgroup: cgroup.path,
    probe: async () => {
      assert.equal(await dial(2, 'probed'), [2, 0])
      throw new Error('no')
    },
  })
  await failing.then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /^no/),
  )
  assert.equal(nextPlace(), false)
  await settled(other, was.active + 2, was.connections + 2)
  assert.is((await dialer.release('probed')) + (await dialer.release('kept')), 3)
  await settled(other, 0)
  const late = applied(files.get(ours) as string, { cgroup: cgroup.path, confirmBy: 2_000_000_000 })
  await late.then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /KM9127/),
  )
  assert.equal(await dial(3), [3, 0])
})

test('killed anywhere: the next apply finds one of the two, whole', async () => {
  calls = await callsOf(() => applied(files.get(ours) as string, { cgroup: cgroup.path }))
  assert.equal(codes(applyOf(other)), ['KM9142'])
  for (let place = 1; place <= PLACES; place++) {
    const at = place === PLACES ? calls - 4 : Math.floor((calls * place) / PLACES)
    killedAt(at)
    assert.equal(await dial(2), [2, 0], `call ${at} of ${calls}`)
    const report = applyOf(other)
    assert.ok(
      codes(report).every((code) => code === 'KM9135' || code === 'KM9142'),
      `call ${at}: ${JSON.stringify(report.diagnostics)}`,
    )
    assert.is(nextPlace(), false)
    assert.equal(await dial(2), [2, 0], `call ${at}`)
    await settled(other, 0)
  }
})

test('killed anywhere: a detach leaves nothing, also of what was being made', async () => {
  for (const share of [0.3, 0.8, 1]) {
    if (existingPins(INSTANCE) === null) assert.equal(codes(applyOf(other)), [])
    const at = Math.min(Math.floor(calls * share), calls - 4)
    killedAt(at)
    assert.equal(codes(runtime(ours, 'detach')), [], `call ${at} of ${calls}`)
    assert.equal(kernelView(INSTANCE).pins, {})
    assert.equal(await dial(1), [0, 1], 'nothing decides any more')
    assert.is(existsSync(nextRoot()), false)
  }
  // and where an older runtime has taken the instance away from beside it
  assert.equal(codes(applyOf(other)), [])
  killedAt(Math.floor(calls * 0.8))
  const beside = nextRoot()
  const away = join(beside, '..', '_away')
  renameSync(beside, away)
  assert.equal(codes(runtime(ours, 'detach')), [])
  renameSync(away, beside)
  assert.equal(codes(runtime(ours, 'detach')), [])
  assert.is(existsSync(beside), false)
  assert.equal(codes(runtime(ours, 'detach')), ['KM9106'])
  assert.equal(codes(applyOf(other)), [])
})

test('with a running holder it is refused and nothing changes; drained, it is taken over', async () => {
  buildHolder()
  assert.equal(codes(applyOf(ours)), ['KM9142'])
  const [program, ...rest] = ours.command('kmesh-runtime')
  const child = spawn(program, [...rest, 'serve', '--instance', INSTANCE], { stdio: 'ignore' })
  const kill = undoAtExit(() => child.kill('SIGKILL'))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  for (let tries = 0; tries < 200 && (await askHolder(INSTANCE)) === null; tries++) await sleep(250)
  assert.equal(await dial(1, 'held'), [1, 0])
  const before = kernelView(INSTANCE).live
  assert.ok(codes(applyOf(other)).includes('KM9143'))
  assert.equal(kernelView(INSTANCE).live, before)
  assert.is(nextPlace(), false)
  assert.equal(await dial(1), [1, 0])
  // the holder outlives whoever serves, and is in the way as before
  child.kill('SIGKILL')
  await ended
  assert.ok(codes(applyOf(other)).includes('KM9143'))
  assert.equal(codes(runtime(ours, 'serve', '--stop')), [])
  assert.equal(codes(applyOf(other)), ['KM9142'])
  assert.is(await dialer.release('held'), 1)
  await settled(other, 0)
  kill()
})

function killedAt(at: number): void {
  const child = spawnSync(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(import.meta.url), INSTANCE, files.get(ours) as string, String(at)],
    { cwd: ROOT, encoding: 'utf8' },
  )
  assert.is(child.signal, 'SIGKILL', `call ${at} of ${calls}: ${child.stderr}`)
}

async function callsOf(work: () => Promise<unknown>): Promise<number> {
  const watched = watchCalls(() => undefined)
  try {
    await work()
    return watched.count
  } finally {
    watched.stop()
  }
}

test('another record of sockets: connections go on and count no more, and it is said', async () => {
  assert.equal(await dial(2, 'strangers'), [2, 0])
  const taken = applyOf(strangers)
  assert.equal(codes(taken), ['KM9142'])
  assert.match(taken.diagnostics[0]?.message ?? '', /2 open connections go on and no longer count/)
  assert.is(counts(strangers).active, 0)
  assert.equal(await dial(MOST + 1, 'new'), [MOST, 1])
  assert.is(await dialer.release('strangers'), 2)
  await settled(strangers, MOST)
  assert.is(await dialer.release('new'), MOST + 1)
  await settled(strangers, 0)
})

test('nothing is left', () => {
  assert.equal(codes(runtime(strangers, 'detach')), [])
  assert.equal(kernelView(INSTANCE).pins, {})
  dialer.stop()
  backends.stop()
  cgroup.remove()
})

test.run()
