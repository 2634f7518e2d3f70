import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import type { Fetched } from './fetch.ts'
import { reportFetch } from './report.ts'

const fetched = (over: Partial<Fetched>): Fetched =>
  ({
    failure: undefined,
    refused: new Map(),
    versions: new Map(),
    unknown: [],
    missing: [],
    responses: 0,
    streams: 1,
    collection: { elsewhere: () => [], counts: () => [] },
    ...over,
  }) as unknown as Fetched

const codesOf = (result: Fetched): readonly string[] => {
  const diag = createDiagnostics()
  reportFetch(result, diag)
  return diag.list.map(({ code, message }) => `${code} ${message}`)
}

test('what is read from files of the proxy is named once (KM1857)', () => {
  const one = { kind: 'eds', name: 'a' }
  const collection = { elsewhere: () => [one, one, { kind: 'eds', name: 'b' }], counts: () => [] }
  const [line, ...more] = codesOf(fetched({ collection } as unknown as Partial<Fetched>))
  assert.match(line ?? '', /^KM1857 2 .* are read from files of the proxy: "a", "b"$/)
  assert.equal(more, [])
})

test('what never came is told by name, and not after a failure (KM1854)', () => {
  const missing = [{ kind: 'cds', name: 'gone', why: 'unanswered' }]
  assert.match(codesOf(fetched({ missing } as unknown as Partial<Fetched>)).join('\n'), /KM1854 1 .*"gone"/)
  const failure = { code: 'KM1850', message: 'refused' }
  assert.equal(codesOf(fetched({ missing, failure } as unknown as Partial<Fetched>)), ['KM1850 refused'])
})

test.run()
