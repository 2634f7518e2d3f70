/**
 * Pitfall 20: another program on the path. One that runs before ours turns the service address into an endpoint's, so that ours no longer knows it:
 * refused by name, unless the user accepts it. One that runs after ours is left alone. (Which programs there are: runtime/foreign.root.test.ts)
 */
import { closeSync, openSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { apply } from '../../runtime/apply.ts'
import { CodedError } from '../../runtime/coded-error.ts'
import { machine } from '../../runtime/machine.ts'
import { existingPins } from '../../runtime/place.ts'
import { type Instruction, kindOf, op, probeProgram } from '../../runtime/sys/bpf-probe.ts'
import { createLink } from '../../runtime/sys/libbpf-link.ts'
import type { PitfallService } from './services.ts'
import { compiled, makeWorld } from './world.ts'

const PORT = 29210
const SERVICE = { address: '10.96.0.1', port: 80 }
const A = { address: '10.1.0.1', port: PORT }
const OTHER = { address: '10.2.0.2', port: 80 }
const services: readonly PitfallService[] = [{ name: 'tcp', protocol: 'tcp', ...SERVICE, endpoints: [A] }]
const world = await makeWorld([A, OTHER, SERVICE].map((place) => ({ ...place, protocol: 'tcp' })))
const dialer = world.dialer()
const dial = { protocol: 'tcp', ...SERVICE, count: 3 } as const
const places = { A: `${A.address}:${A.port}`, OTHER: `${OTHER.address}:${OTHER.port}` }

const STORE_CONTEXT_32 = 0x63
const USER_IP4 = 4
const network = (address: string): number => Buffer.from(address.split('.').map(Number)).readInt32LE()

/** Sends everything to OTHER, as another load balancer would: *(u32 *)(ctx + user_ip4) = address. */
const STEER: readonly Instruction[] = [op.set(2, network(OTHER.address)), [STORE_CONTEXT_32, 1, 2, USER_IP4, 0], op.set(0, 1), op.exit()]

function attached(path: string): () => void {
  const program = probeProgram(kindOf('connect4'), STEER, 'kmp_other_lb')
  if (program.kind === 'refused') throw new Error(program.log)
  const directory = openSync(path, 'r')
  const link = createLink(program.fd, directory, 'connect4')
  closeSync(directory)
  closeSync(program.fd)
  return () => closeSync(link)
}

async function refusal(): Promise<string> {
  const { artifact } = await compiled(services)
  const host = machine({ foreign: 'refuse', existing: 'count' })
  try {
    await apply({ artifact, instance: world.instance, cgroup: world.cgroup.path, diverted: 'refuse', mode: 'apply', host })
    return 'applied'
  } catch (error) {
    if (error instanceof CodedError) return error.findings.map(({ code, message }) => `${code}: ${message}`).join('\n')
    throw error
  }
}

const named = (where: string): RegExp =>
  new RegExp(`^KM9111: programs of others run before ours: "kmp_other_lb" \\(id \\d+\\) on connect4 of ${where}$`)

test('attached before the first apply: refused, and nothing is left', async () => {
  const end = attached(world.cgroup.path)
  assert.match(await refusal(), named(world.cgroup.path))
  assert.is(existingPins(world.instance), null)
  const { warnings } = await world.apply(services, { host: machine({ foreign: 'allow', existing: 'count' }) })
  assert.equal(
    warnings.map(({ code }) => code),
    ['KM9111'],
  )
  assert.equal((await dialer.dial(dial)).reached, { [places.OTHER]: 3 }, 'why it matters: ours never saw the service')
  assert.match(await refusal(), named(world.cgroup.path), 'and a later apply is refused as well')
  end()
  assert.equal((await dialer.dial(dial)).reached, { [places.A]: 3 })
  assert.is(await refusal(), 'applied')
})

test('in a cgroup below: it runs first too', async () => {
  const below = world.cgroup.child('below')
  const end = attached(below)
  assert.match(await refusal(), named(below))
  end()
})

test('attached after ours, or above: it runs after ours and is no reason to refuse', async () => {
  const end = attached(world.cgroup.path)
  assert.is(await refusal(), 'applied')
  end()
})

test.after(() => world.close())
test.run()
