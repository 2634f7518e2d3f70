import { closeSync, openSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeCgroup } from '../scripts/kit/cgroup.ts'
import { foreignPrograms } from './foreign.ts'
import { kindOf, PASS, probeProgram } from './sys/bpf-probe.ts'
import { createLink, type HookName } from './sys/libbpf-link.ts'
import { programInfo } from './sys/libbpf-program.ts'
import { findCgroup2 } from './sys/mountinfo.ts'

const mountPoint = findCgroup2() as string

/** Attaches a program that does nothing; gives its id and how to end it. */
function attach(path: string, hook: HookName, name: string): { readonly id: number; readonly end: () => void } {
  const program = probeProgram(kindOf(hook), PASS, name)
  if (program.kind !== 'loaded') throw program.error
  const cgroup = openSync(path, 'r')
  const link = createLink(program.fd, cgroup, hook)
  const { id } = programInfo(program.fd)
  closeSync(cgroup)
  closeSync(program.fd)
  return { id, end: () => closeSync(link) }
}

const shown = (path: string, ours: readonly number[]) =>
  foreignPrograms(path, mountPoint, new Set(ours)).map(({ hook, name, cgroup, order }) => [hook, name, cgroup, order])

test('on one cgroup the order of attachment decides, ancestors run after, children before', () => {
  const top = makeCgroup('kmh')
  const governed = top.child('governed')
  const pod = top.child('governed/pod')
  const sibling = top.child('sibling')
  const attached = [
    attach(governed, 'connect4', 'km_first'),
    attach(governed, 'connect4', 'km_ours'),
    attach(governed, 'connect4', 'km_later'),
    attach(top.path, 'connect4', 'km_above'),
    attach(pod, 'connect4', 'km_below'),
    attach(sibling, 'connect4', 'km_beside'),
    attach(pod, 'sendmsg6', 'km_below6'),
  ]
  const ours = [attached[1]?.id as number]
  assert.equal(shown(governed, ours), [
    ['connect4', 'km_below', pod, 'before'],
    ['connect4', 'km_first', governed, 'before'],
    ['connect4', 'km_later', governed, 'after'],
    ['connect4', 'km_above', top.path, 'after'],
    ['sendmsg6', 'km_below6', pod, 'before'],
  ])
  for (const { end } of attached) end()
  assert.equal(shown(governed, []), [])
  top.remove()
})

test('before the first apply: what the cgroup has already runs first, ancestors after', () => {
  const top = makeCgroup('kmh')
  const governed = top.child('governed')
  const attached = [
    attach(top.path, 'sock_ops', 'km_above'),
    attach(governed, 'sock_ops', 'km_first'),
    attach(top.path, 'getpeername6', 'km_peer'),
  ]
  assert.equal(shown(governed, []), [
    ['sock_ops', 'km_first', governed, 'before'],
    ['sock_ops', 'km_above', top.path, 'after'],
    ['getpeername6', 'km_peer', top.path, 'after'],
  ])
  for (const { end } of attached) end()
  top.remove()
})

test.run()
