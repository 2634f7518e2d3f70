import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../../compiler/diag/sink.ts'
import { readInput } from '../../compiler/input/read.ts'
import type { NamesDocument } from '../../proto/artifact/format.ts'
import { ROOT } from '../commands.ts'
import { HTTP_FILE } from './http-story.ts'
import { ownRequests } from './own-requests.ts'

const { resources } = readInput([{ name: HTTP_FILE, bytes: readFileSync(join(ROOT, HTTP_FILE)) }], createDiagnostics())
const listener = '127.96.0.40_8080'
const path = `lds["${listener}"].filter_chains[0].filters[0].typed_config`
const names = (addresses: readonly string[]): NamesDocument => ({
  listeners: [{ name: listener, state: 1, protocol: 'tcp', addresses }],
  clusters: [],
  services: [{ listener, path, routes: [] }],
})

test('a request for each route, with what may become of it', () => {
  const found = ownRequests(resources, names(['127.96.0.40:8080']))
  assert.equal(
    found.map(({ route, request, clusters, replies }) => [route, request.path, request.headers, clusters, replies]),
    [
      ['testers', '/', [['end-user', 'tester']], ['shop-v2'], []],
      ['moved', '/old', [], [], ['302 http://shop.example/new']],
      ['api', '/api/v1/', [], ['shop-v1'], []],
      ['teapot', '/teapot', [], [], ['418 ']],
      ['labelled', '/labelled', [], ['shop-v1'], []],
      ['patient', '/patient', [], ['shop-v1'], []],
      ['copied', '/copied', [], ['shop-v1'], []],
      ['canary', '/', [], ['shop-v1', 'shop-v2'], []],
    ],
  )
  assert.equal(
    found.map(({ place, request: { authority } }) => [place, authority]),
    found.map(() => ['127.96.0.40:8080', 'shop.example']),
  )
})

test('services that cannot be dialled have none', () => {
  assert.equal(ownRequests(resources, names(['*'])), [])
  assert.equal(ownRequests(resources, { ...names(['127.96.0.40:8080']), services: [{ listener, path: 'elsewhere', routes: [] }] }), [])
})

test.run()
