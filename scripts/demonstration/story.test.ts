import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../commands.ts'
import { ACTS, HTTP_FILE, SHOP, SHOP_SERVERS, SHOP_WEIGHTS } from './http-story.ts'
import { AFTER, BACKENDS, BEFORE, CACHE, WEB } from './story.ts'

for (const { file, weights } of [BEFORE, AFTER]) {
  test(`${file} is what the demo's tables say`, () => {
    const text = readFileSync(join(ROOT, file), 'utf8')
    assert.equal(
      [...text.matchAll(/"weight": (\d+)/g)].map((found) => Number(found[1])),
      [...weights],
    )
    const places = new Set([...text.matchAll(/"address": "([\d.]+)",\s+"portValue": (\d+)/g)].map((found) => `${found[1]}:${found[2]}`))
    for (const place of [WEB, CACHE, ...BACKENDS.map(({ address, port }) => `${address}:${port}`)]) assert.ok(places.has(place), place)
  })
}

test('every address of the demo is a loopback address', () => {
  for (const { file } of [BEFORE, AFTER]) {
    const addresses = [...readFileSync(join(ROOT, file), 'utf8').matchAll(/"address": "([\d.]+)"/g)].map((found) => found[1])
    for (const address of addresses) assert.match(String(address), /^(127\.96\.|0\.0\.0\.0$|127\.0\.0\.6$)/)
  }
})

test(`${HTTP_FILE} is what the tables of the HTTP part say`, () => {
  const text = readFileSync(join(ROOT, HTTP_FILE), 'utf8')
  assert.equal(
    [...text.matchAll(/weight: (\d+)/g)].map((found) => Number(found[1])),
    [...SHOP_WEIGHTS],
  )
  const places = [...text.matchAll(/address: (127[\d.]+), port_value: (\d+)/g)].map((found) => `${found[1]}:${found[2]}`)
  assert.equal(places, [SHOP, ...SHOP_SERVERS.map(({ address, port }) => `${address}:${port}`)])
  const routes = [...text.matchAll(/- name: (\S+)\s+match:/g)].map((found) => found[1])
  for (const { route } of ACTS) assert.ok(routes.includes(route), route)
})

test.run()
