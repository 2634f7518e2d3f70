import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { complaintsSince, parseRecord } from './kernel-log.ts'

const texts = (lines: readonly string[], since = 0): readonly string[] =>
  complaintsSince(
    lines.map((text, index) => ({ sequence: index + 1, text })),
    since,
  ).map(({ text }) => text)

test('a record has its number and its text, without what follows in further lines', () => {
  assert.equal(parseRecord('4,1234,567890,-;tun: Universal TUN/TAP device driver, 1.6\n SUBSYSTEM=misc\n'), {
    sequence: 1234,
    text: 'tun: Universal TUN/TAP device driver, 1.6',
  })
  assert.is(parseRecord(''), undefined)
})

test('what WARN and BUG print is a complaint, in the form of every kernel', () => {
  const complaints = [
    '------------[ cut here ]------------',
    'WARNING: CPU: 1 PID: 4711 at net/core/stream.c:217 sk_stream_kill_queues+0x13c/0x150',
    'WARNING: net/core/stream.c:217 at sk_stream_kill_queues+0x13c/0x150, CPU#1: node/4711',
    'BUG: kernel NULL pointer dereference, address: 0000000000000010',
    'refcount_t: underflow; use-after-free.',
    'Oops: general protection fault, probably for non-canonical address',
  ]
  assert.equal(texts(complaints), complaints)
})

test('what only sounds like one is none', () => {
  const lines = [
    'Speculative Return Stack Overflow: WARNING: See https://kernel.org/doc/html/latest/admin-guide/hw-vuln/srso.html for mitigation options.',
    'EXT4-fs warning (device vda): mounting unchecked fs',
    'TCP: request_sock_TCP: Possible SYN flooding on port 80. Sending cookies.',
    'debug: nothing',
  ]
  assert.equal(texts(lines), [])
})

test('only what is newer than a record counts', () => {
  assert.equal(texts(['refcount_t: saturated', 'x', 'refcount_t: underflow'], 1), ['refcount_t: underflow'])
})

test.run()
