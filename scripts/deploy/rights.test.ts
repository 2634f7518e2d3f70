/** What is shipped gives the rights that the code says it needs, no more and no fewer: one list, CAPABILITY_NEEDS of runtime/sys/capabilities.ts. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CAPABILITY_NEEDS } from '../../runtime/sys/capabilities.ts'

const DEPLOY = fileURLToPath(new URL('../../deploy', import.meta.url))
const NEEDED = CAPABILITY_NEEDS.map(({ capability }) => capability).sort()
/** Of the container that makes directories at the root of cgroups and ends. */
const PREPARING = ['CAP_DAC_OVERRIDE']
/** Of the container that serves metrics: it reads tables and looks at programs (rights.root.test.ts runs it with these). */
const READING = ['CAP_BPF', 'CAP_NET_ADMIN']

const files = readdirSync(DEPLOY, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(?:service|yaml|tpl)$/.test(name))

/** Every list of capabilities in a text, as systemd or Kubernetes write them. */
function listed(text: string): readonly (readonly string[])[] {
  const units = [...text.matchAll(/^(?:CapabilityBoundingSet|AmbientCapabilities)=(.*)$/gm)].map(([, list = '']) => list.split(' '))
  const containers = [...text.matchAll(/\badd: \[([A-Z_, ]*)\]/g)].map(([, list = '']) => list.split(', ').map((name) => `CAP_${name}`))
  return [...units, ...containers].map((list) => [...list].sort())
}

const named = new Map(files.map((file) => [file, listed(readFileSync(join(DEPLOY, file), 'utf8'))]))

test('every list is the one of the code, or that of the container that prepares or only reads', () => {
  const known = [NEEDED, PREPARING, READING].map((list) => list.join())
  for (const [file, lists] of named) for (const list of lists) assert.ok(known.includes(list.join()), `${file}: ${list.join()}`)
})

test('units and containers have one each, and nothing is privileged', () => {
  const count = (file: string, of: readonly string[]): number => (named.get(file) ?? []).filter((list) => list.join() === of.join()).length
  for (const unit of ['systemd/kmesh-watch.service', 'systemd/kmesh-serve.service']) assert.is(count(unit, NEEDED), 1, unit)
  assert.is(count('kubernetes/kmesh.yaml', NEEDED), 2)
  assert.is(count('kubernetes/kmesh.yaml', PREPARING), 1)
  assert.is(count('helm/kmesh/templates/_parts.tpl', NEEDED), 1)
  assert.is(count('helm/kmesh/templates/daemonset.yaml', READING), 1)
  for (const file of files)
    assert.not.match(readFileSync(join(DEPLOY, file), 'utf8'), /privileged: true|AmbientCapabilities|CAP_SYS_RESOURCE/, file)
  const manifest = readFileSync(join(DEPLOY, 'kubernetes/kmesh.yaml'), 'utf8')
  assert.is(manifest.match(/drop: \[ALL\]/g)?.length, manifest.match(/capabilities:/g)?.length, 'everything else is dropped')
})

test.run()
