import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync, symlinkSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeCgroup } from '../scripts/kit/cgroup.ts'
import { undoAtExit } from '../scripts/kit/cleanup.ts'
import { doctor } from './doctor.ts'
import { HELPERS, HTTP_HELPERS, SOCKET_CALLBACK_HELPERS } from './doctor-bpf.ts'
import { pinsOf } from './pins.ts'
import { claimPlace } from './place.ts'
import { kindOf, PASS, probeHelper, probeProgram } from './sys/bpf-probe.ts'
import { createLink } from './sys/libbpf-link.ts'
import { pin } from './sys/libbpf-pin.ts'
import { findCgroup2 } from './sys/mountinfo.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const schema = (name: string): object => JSON.parse(readFileSync(join(ROOT, 'proto', name), 'utf8')) as object

function validate(report: unknown): void {
  const ajv = new Ajv({ strict: true, strictRequired: false })
  ajv.addSchema(schema('diagnostic.schema.json'))
  const check = ajv.compile(schema('doctor.schema.json'))
  assert.ok(check(report), JSON.stringify(check.errors))
}

/** The command as a process with other privileges. */
function doctorAs(privileges: readonly string[]) {
  const script =
    "const { doctorCommand } = await import('./runtime/commands/doctor.ts'); process.exitCode = await doctorCommand({ format: 'json' })"
  const argv = [...privileges, process.execPath, '--import', 'tsx', '--input-type=module', '-e', script]
  const { status, stdout, stderr } = spawnSync('setpriv', argv, { cwd: ROOT, encoding: 'utf8' })
  assert.is(stderr, '')
  const report = JSON.parse(stdout) as ReturnType<typeof doctor>
  validate(report)
  return { status, report }
}

const NOBODY = ['--reuid', '65534', '--regid', '65534', '--clear-groups']

test('everything required is found here, and nothing stays behind', () => {
  const { verdict, checks, diagnostics } = doctor()
  validate({ verdict, checks, diagnostics })
  assert.equal(
    checks.filter(({ level, state }) => level === 'required' && state !== 'ok'),
    [],
  )
  assert.is(verdict, 'able')
  assert.not(readdirSync(findCgroup2() as string).includes(`kmesh-doctor-${process.pid}`))
  const fds = readdirSync('/proc/self/fd').length
  doctor()
  assert.is(readdirSync('/proc/self/fd').length, fds)
})

test('the helpers that are probed are those that the programs call', () => {
  const macro = /^bpf_((hton|ntoh)[sl]|(be|le)\d+_to_cpu|cpu_to_(be|le)\d+)$/
  const sources = [join(ROOT, 'bpf'), join(ROOT, 'templates'), join(ROOT, 'compiler', 'emit')]
  const text = sources
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)))
    .filter((path) => /\.(c|h|hbs)$/.test(path))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n')
  const called = new Set([...text.matchAll(/\bbpf_[a-z0-9_]+(?=\()/g)].map(([name]) => name).filter((name) => !macro.test(name)))
  const probed = [...HELPERS, ...SOCKET_CALLBACK_HELPERS, ...HTTP_HELPERS].map(({ name }) => name)
  assert.equal(probed.sort(), [...called].sort())
})

test('a helper that does not exist, or not for this hook, is absent', () => {
  assert.is(probeHelper(kindOf('connect4'), 187), 'present')
  assert.is(probeHelper(kindOf('connect4'), 60000), 'absent')
  // bpf_sk_redirect_map is for stream verdicts only
  assert.is(probeHelper(kindOf('connect4'), 52), 'absent')
  assert.is(probeHelper(kindOf('connect4'), 59), 'absent')
})

test('without privileges: exit 1, one error a capability, no invented ones', () => {
  // a bpffs is mounted meanwhile, whoever did it: nobody could
  const place = claimPlace(`kmh-doctor-${process.pid}`)
  const { status, report } = doctorAs([...NOBODY, '--inh-caps=-all', '--bounding-set=-all'])
  place.release()
  assert.is(status, 1)
  assert.is(report.verdict, 'unable')
  const errors = report.diagnostics.filter(({ severity }) => severity === 'error').map(({ code }) => code)
  assert.equal(errors, ['KM9206', 'KM9206'])
  const tried = report.checks.filter(({ group }) => group === 'programs' || group === 'helpers' || group === 'tables')
  assert.ok(tried.length > 20)
  assert.equal(
    tried.filter(({ state }) => state !== 'unknown'),
    [],
  )
})

test('CAP_BPF and CAP_NET_ADMIN are enough to try programs, helpers and tables', () => {
  const caps = '+bpf,+net_admin'
  const { report } = doctorAs([...NOBODY, `--inh-caps=-all,${caps}`, `--ambient-caps=${caps}`, `--bounding-set=-all,${caps}`])
  const tried = report.checks.filter(({ group }) => group === 'helpers' || group === 'tables')
  assert.equal(
    tried.filter(({ state }) => state !== 'ok'),
    [],
  )
  assert.equal(
    report.checks.filter(({ group, state }) => group === 'sockets' && state !== 'ok'),
    [],
  )
  assert.equal(report.checks.filter(({ name, state }) => name === 'CAP_SYS_ADMIN' && state === 'missing').length, 1)
})

test('an instance whose cgroup was made again, and one whose cgroup is gone, are told', () => {
  const parent = makeCgroup('kmh')
  const governed = parent.child('governed')
  const name = `kmh-${process.pid}`
  const place = claimPlace(name)
  const pins = pinsOf(place.bpffs, name)
  const undo = undoAtExit(() => {
    unlinkSync(pins.link('connect4'))
    rmdirSync(pins.links)
    unlinkSync(pins.cgroup)
    place.release()
  })
  symlinkSync(governed, pins.cgroup)
  mkdirSync(pins.links)
  const program = probeProgram(kindOf('connect4'), PASS)
  if (program.kind !== 'loaded') throw program.error
  const directory = openSync(governed, 'r')
  const link = createLink(program.fd, directory, 'connect4')
  pin(link, pins.link('connect4'))
  for (const fd of [link, program.fd, directory]) closeSync(fd)

  const cgroupLine = () => doctor().checks.find((check) => check.name === `${name}: cgroup`)
  assert.is(cgroupLine()?.state, 'ok')
  // our own program is not foreign to the instance
  assert.equal(
    doctor().checks.filter(({ group, detail }) => group === 'hooks' && detail.includes(governed)),
    [],
  )
  rmdirSync(governed)
  assert.match(cgroupLine()?.detail ?? '', /is gone/)
  mkdirSync(governed)
  assert.match(cgroupLine()?.detail ?? '', /made again/)
  assert.is(cgroupLine()?.code, 'KM9115')
  undo()
  parent.remove()
})

test('programs of others on a hook are named', () => {
  const cgroup = makeCgroup('kmh')
  const program = probeProgram(kindOf('sendmsg4'), PASS, 'kmh_stranger')
  if (program.kind !== 'loaded') throw program.error
  const top = openSync(findCgroup2() as string, 'r')
  const link = createLink(program.fd, top, 'sendmsg4')
  try {
    const lines = doctor().checks.filter(({ group }) => group === 'hooks')
    assert.ok(
      lines.some(({ detail, code }) => code === 'KM9212' && /kmh_stranger \(\d+\) on sendmsg4 of /.test(detail)),
      JSON.stringify(lines),
    )
  } finally {
    for (const fd of [link, program.fd, top]) closeSync(fd)
    cgroup.remove()
  }
})

test.run()
