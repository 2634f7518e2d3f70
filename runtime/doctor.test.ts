import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CHECK_GROUPS, findingOf, found, missing, type Subject } from './doctor-check.ts'
import { jit, privilegeChecks, unprivileged, version } from './doctor-kernel.ts'
import { doctorText } from './doctor-text.ts'
import { onlyAddress } from './source-table.ts'
import { parseCapabilities } from './sys/capabilities.ts'

test('versions are compared as numbers', () => {
  for (const text of ['6.1.0-18-cloud-amd64', '6.18.44', '10.0.1']) assert.is(version(text).state, 'ok', text)
  for (const text of ['5.15.0-101-generic', '6.0.19', '4.19.0']) assert.is(version(text).code, 'KM9213', text)
  assert.is(version('unknown').state, 'unknown')
})

test('settings of the kernel', () => {
  assert.is(jit('0').code, 'KM9208')
  for (const value of ['1', '2', undefined]) assert.is(jit(value).state, 'ok')
  assert.is(unprivileged('0').code, 'KM9209')
  for (const value of ['1', '2', undefined]) assert.is(unprivileged(value).state, 'ok')
})

test('required capabilities are errors, others warnings, and CAP_SYS_ADMIN is enough for CAP_BPF', () => {
  const none = privilegeChecks(new Set()).filter(({ name }) => name.startsWith('CAP_'))
  assert.equal(
    none.map((check) => findingOf(check)?.severity),
    ['error', 'error', 'warning', 'warning'],
  )
  const admin = privilegeChecks(parseCapabilities('CapEff:\t0000000000201000'))
  assert.equal(
    admin.filter(({ state }) => state === 'missing').map(({ name }) => name),
    ['CAP_SYS_PTRACE'],
  )
})

test('what is not fine has a code and a fix; information never becomes a diagnostic', () => {
  const subject: Subject = { group: 'kernel', name: 'a', level: 'required', code: 'KM9201' }
  assert.is(findingOf(found(subject, 'there')), undefined)
  const finding = findingOf(missing(subject, 'not there'))
  assert.ok(finding?.fix)
  assert.is(finding?.severity, 'error')
  assert.is(findingOf(missing(subject, 'not tried', 'unknown'))?.severity, 'error')
  assert.is(findingOf(missing({ ...subject, level: 'recommended' }, 'not there'))?.severity, 'warning')
  assert.is(findingOf(missing({ ...subject, level: 'information' }, 'not there')), undefined)
})

test('the text has one line a check, with its fix and code, and a verdict', () => {
  const subject: Subject = { group: 'tables', name: 'hash', level: 'required', code: 'KM9203', fix: 'Do this.' }
  const checks = [found({ ...subject, group: 'kernel', name: 'version' }, '6.18'), missing(subject, 'EINVAL')]
  const text = doctorText({ verdict: 'unable', checks, diagnostics: checks.flatMap((check) => findingOf(check) ?? []) })
  assert.is(
    text,
    [
      'kernel',
      '  ok       version  6.18',
      '',
      'tables',
      '  MISSING  hash     EINVAL [KM9203]',
      '           fix: Do this.',
      '',
      'This machine cannot run the data plane: 1 missing.',
    ].join('\n'),
  )
  assert.is(CHECK_GROUPS.length, new Set(CHECK_GROUPS).size)
})

test('a source address is known only where it is the only one', () => {
  const address = (last: number, family: 'v4' | 'v6') => ({ family, address: new Uint8Array(16).fill(last) })
  assert.equal(onlyAddress([address(1, 'v4'), address(2, 'v6')], 'v4'), address(1, 'v4').address)
  assert.equal(onlyAddress([address(1, 'v4'), address(2, 'v4')], 'v4'), new Uint8Array(16))
  assert.equal(onlyAddress([address(2, 'v6')], 'v4'), new Uint8Array(16))
})

test.run()
