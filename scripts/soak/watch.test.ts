import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { growth, type Sample, usageOf } from './watch.ts'

const sample = (at: number, holder: number, node = 100, descriptors = 50): Sample => ({
  at,
  holder: { pid: 1, memory: holder, descriptors },
  node: { pid: 2, memory: node, descriptors: 20 },
})

test('a process that finds its size does not grow', () => {
  assert.equal(growth([sample(0, 5), sample(5, 30), sample(10, 31), sample(15, 33), sample(20, 30), sample(25, 34)]), [])
})

test('memory and descriptors that go on growing are told', () => {
  const samples = [0, 1, 2, 3, 4, 5].map((index) => sample(index, 10 + index * 10, 300 + index * 40, 50 + index * 60))
  assert.equal(growth(samples), [
    'the holder grew from 20 to 60 MiB',
    'a node process had 500 MiB',
    'the holder has 350 descriptors, it had 110',
  ])
})

test('a process that is gone has nothing', () => {
  assert.equal(usageOf(2 ** 22 + 1), { pid: 2 ** 22 + 1, memory: 0, descriptors: 0 })
  assert.ok(usageOf(process.pid).memory > 10)
})

test.run()
