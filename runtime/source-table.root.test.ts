import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeCgroup } from '../scripts/kit/cgroup.ts'
import { makeNamespace } from '../scripts/kit/namespace.ts'
import { run } from '../scripts/kit/process.ts'
import { startSocketHolder } from '../scripts/kit/sockets.ts'
import { addressText } from '../proto/address/address-text.ts'
import { type SourceRow, sourceTable } from './source-table.ts'
import { namespacesOf } from './sys/netns.ts'

const rowOf = (rows: readonly SourceRow[], holder: number): SourceRow | undefined => {
  const inode = namespacesOf([holder]).namespaces.find(({ whose }) => whose === 'other')?.inode
  return rows.find(({ namespace }) => namespace.inode === inode)
}

test('one global address of a family is the source, several or none are unknown', async () => {
  const cgroup = makeCgroup('kmh')
  const one = await makeNamespace({ addresses: ['10.1.0.0/16'], source4: '10.9.0.1', source6: 'fd00::9' })
  const several = await makeNamespace({ addresses: [], source4: '10.9.0.1', source6: null })
  run(['ip', 'addr', 'add', '10.9.0.2/32', 'dev', 'lo'], { namespace: several.path })
  const outside = await makeNamespace({ addresses: [] })
  const pod = cgroup.child('pod')
  const holders = [
    startSocketHolder({ namespace: one.path, cgroup: pod }),
    startSocketHolder({ namespace: several.path, cgroup: cgroup.path }),
  ]
  for (const holder of holders) await holder.step({ op: 'make', name: 'a', protocol: 'udp', family: 'v4' })

  const { rows, limits } = sourceTable(cgroup.path)
  assert.equal(limits, [])
  assert.is(rows.length, 3)
  assert.is(rows[0]?.namespace.whose, 'own')
  const known = rowOf(rows, one.holder) as SourceRow
  assert.is(addressText(known.v4), '10.9.0.1')
  assert.is(addressText(known.v6), 'fd00::9')
  const unknown = rowOf(rows, several.holder) as SourceRow
  assert.is(addressText(unknown.v4), '::')
  assert.is(addressText(unknown.v6), '::')
  assert.is(rowOf(rows, outside.holder), undefined)
  assert.is(new Set(rows.map(({ cookie }) => cookie)).size, 3)

  for (const holder of holders) holder.stop()
  cgroup.remove()
  for (const namespace of [one, several, outside]) namespace.remove()
})

test.run()
