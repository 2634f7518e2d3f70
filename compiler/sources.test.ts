import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { codes } from './diag/codes.ts'
import { createDiagnostics } from './diag/sink.ts'
import { TEXT_LIMIT } from './input/text.ts'
import { readSources } from './sources.ts'

test('a file over the limit is refused by its size, unread, and the better form is named', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kmeshc-sources-'))
  try {
    const file = join(folder, 'large.json')
    const descriptor = openSync(file, 'w')
    // takes no room: a file of nothing but a length
    ftruncateSync(descriptor, TEXT_LIMIT + 1)
    closeSync(descriptor)
    const diag = createDiagnostics()
    assert.equal(readSources([file], diag), [])
    assert.equal(
      diag.list.map(({ code, message, file: where, line, column }) => ({ code, message, where, line, column })),
      [{ code: 'KM1007', message: 'the file has 501 MB, more than 500', where: file, line: 1, column: 1 }],
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the errors of size say which form has room', () => {
  assert.match(codes.KM1007.fix, /binary/)
  assert.match(codes.KM1007.fix, /several files/)
  assert.match(codes.KM1023.fix, /JSON/)
})

test.run()
