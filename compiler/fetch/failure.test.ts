import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { failureOf, type StreamHistory } from './failure.ts'

const UNAVAILABLE = 14
const at: StreamHistory = { server: 'cp:18000', security: 'plaintext', reached: 'never' }
const said = (details: string): string => `No connection established. Last error: ${details}. Resolution note: `
const judge = (details: string, more: Partial<StreamHistory> = {}, code = UNAVAILABLE): string => {
  const failure = failureOf({ code, details }, { ...at, ...more })
  return `${failure.code} ${failure.again}: ${failure.message}`
}

test('nobody there may come, a wrong certificate stays wrong', () => {
  assert.is(judge(said('connect ECONNREFUSED 127.0.0.1:9')), 'KM1850 retry: no connection to cp:18000: connect ECONNREFUSED 127.0.0.1:9')
  assert.match(judge('Name resolution failed for target dns:cp:18000'), /^KM1850 retry/)
  assert.is(
    judge(said('Error: self-signed certificate'), { security: 'tls' }),
    'KM1851 give up: no TLS connection to cp:18000: self-signed certificate',
  )
  for (const details of [
    "Hostname/IP does not match certificate's altnames: x",
    'unable to get local issuer certificate',
    'wrong version number',
  ])
    assert.match(judge(said(details), { security: 'tls' }), /^KM1851 give up/, details)
  assert.match(judge(said('connect ECONNREFUSED 127.0.0.1:9'), { security: 'tls' }), /^KM1850 retry/)
  assert.match(judge(said('read ECONNRESET (2026-01-01T00:00:00.000Z)')), '(read ECONNRESET); it may want TLS')
  const alert = '80:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../a/b.c:1601:SSL alert number 116'
  assert.is(judge(said(alert), { security: 'tls' }), 'KM1851 give up: no TLS connection to cp:18000: tlsv13 alert certificate required')
})

test('a stream that ends, and one that ends for good', () => {
  assert.is(judge('', { reached: 'answered' }, 0), 'KM1852 retry: cp:18000 ended the stream')
  assert.is(
    judge('Connection dropped', { reached: 'answered' }),
    'KM1852 retry: cp:18000 ended the stream with UNAVAILABLE: Connection dropped',
  )
  assert.match(judge('who are\nyou', { reached: 'connected' }, 16), /^KM1852 give up: .* UNAUTHENTICATED: who are you$/)
})

test.run()
