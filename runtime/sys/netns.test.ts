import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { boundNamespaces } from './netns.ts'

test('bound network namespaces are found, other nsfs mounts are not', () => {
  const text = [
    '98 31 0:4 net:[4026532177] /run/netns/a\\040b rw shared:1 - nsfs nsfs rw',
    '99 31 0:4 mnt:[4026532178] /run/mnt rw - nsfs nsfs rw',
    '41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw',
  ].join('\n')
  assert.equal(boundNamespaces(text), [{ inode: 4026532177, path: '/run/netns/a b' }])
})

test.run()
