import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bpffsAmong, findCgroup2, parseMountinfo, visibleMounts } from './mountinfo.ts'

const line = (root: string, point: string, type: string, tags = ''): string =>
  `41 31 0:38 ${root} ${point} rw,relatime ${tags}- ${type} source rw`

test('points, types and options are read, with and without tags', () => {
  assert.equal(parseMountinfo(`${line('/', '/a', 'bpf', 'shared:1 master:2 ')}\n${line('/', '/b', 'cgroup2')}\n`), [
    { root: '/', point: '/a', type: 'bpf', options: ['rw', 'relatime'] },
    { root: '/', point: '/b', type: 'cgroup2', options: ['rw', 'relatime'] },
  ])
})

test('octal escapes are undone, also in UTF-8 paths', () => {
  const [mount] = parseMountinfo(line('/', '/mnt/a\\040b\\011c\\134d\\303\\244\\040ö', 'bpf'))
  assert.is(mount?.point, '/mnt/a b\tc\\dä ö')
})

test('a lone dash in front of the tags end is not taken for the separator', () => {
  assert.is(parseMountinfo('41 31 0:38 / - rw shared:1 - bpf bpf rw')[0]?.point, '-')
})

test('lines of another shape are left out', () => {
  assert.equal(parseMountinfo('\nnot a mount\n41 31 0:38 / /a rw'), [])
})

test('a mount hides earlier ones on its point and below it', () => {
  const mounts = parseMountinfo(
    [line('/', '/sys/fs/bpf', 'bpf'), line('/', '/sys', 'sysfs'), line('/', '/run', 'tmpfs'), line('/', '/run', 'bpf')].join('\n'),
  )
  assert.equal(
    visibleMounts(mounts).map(({ point, type }) => `${point} ${type}`),
    ['/sys sysfs', '/run bpf'],
  )
  assert.equal(visibleMounts(parseMountinfo([line('/', '/a', 'bpf'), line('/', '/ab', 'tmpfs')].join('\n'))).length, 2)
})

test('cgroup v2 with the whole hierarchy is preferred, v1 is not taken', () => {
  assert.is(findCgroup2(parseMountinfo(line('/', '/sys/fs/cgroup/cpu', 'cgroup'))), undefined)
  assert.is(findCgroup2(parseMountinfo([line('/pod', '/a', 'cgroup2'), line('/', '/b', 'cgroup2')].join('\n'))), '/b')
})

test('a bpffs is found wherever it is, the usual place first, read-only ones are not', () => {
  assert.is(bpffsAmong(parseMountinfo([line('/', '/run/bpf', 'bpf'), line('/', '/sys/fs/bpf', 'bpf')].join('\n'))), '/sys/fs/bpf')
  assert.is(bpffsAmong(parseMountinfo(line('/', '/run/bpf', 'bpf'))), '/run/bpf')
  assert.is(bpffsAmong(parseMountinfo(line('/', '/run/bpf', 'bpf').replace('rw,', 'ro,'))), undefined)
})

test.run()
