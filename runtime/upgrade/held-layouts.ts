/**
 * The layouts that an instance carries among its pins, in a map of its own. In: pins; out: the document (proto/map-layouts.ts), or null where there is none, as an instance of the time before has none.
 */
import { closeSync, existsSync, unlinkSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import { NAMES_CHUNK } from '../../proto/abi.ts'
import { type LayoutsDocument, layoutsDocument } from '../../proto/map-layouts.ts'
import { padded } from '../epoch.ts'
import type { Pins } from '../pins.ts'
import { arrayKeys, createMap, mapInfo, readAll, updateAll } from '../sys/libbpf-map.ts'
import { openPinIfThere, pin } from '../sys/libbpf-pin.ts'
import type { Undo } from '../undo.ts'

const NAME = 'km_layouts'
const LENGTH_BYTES = 4

export function writeLayouts(pins: Pins, undo: Undo): void {
  const path = pins.map(NAME)
  if (existsSync(path)) return
  const document = gzipSync(JSON.stringify(layoutsDocument()))
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32LE(document.length)
  const chunks = padded(Buffer.concat([length, document]))
  const count = chunks.length / NAMES_CHUNK
  const fd = createMap({ name: NAME, type: 'array', keySize: 4, valueSize: NAMES_CHUNK, maxEntries: count })
  try {
    updateAll(fd, arrayKeys(count), chunks, count)
    pin(fd, path)
    undo.add('layouts of the maps', () => unlinkSync(path))
  } finally {
    closeSync(fd)
  }
}

export function readLayouts(pins: Pins): LayoutsDocument | null {
  const fd = openPinIfThere(pins.map(NAME))
  if (fd === null) return null
  try {
    const { values } = readAll(fd, 4, NAMES_CHUNK, mapInfo(fd).maxEntries)
    const document = values.subarray(LENGTH_BYTES, LENGTH_BYTES + values.readUInt32LE(0))
    const { schemaVersion, ...rest } = JSON.parse(gunzipSync(document).toString('utf8')) as LayoutsDocument
    return schemaVersion === 1 ? { schemaVersion, ...rest } : null
  } finally {
    closeSync(fd)
  }
}
