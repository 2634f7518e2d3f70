/**
 * Removes an instance from the kernel. In: its pins; out: nothing is left of it but its directory, which its place removes.
 * Order: what connects from now on passes through (generation 0), then the programs are detached, then pins go. Works on damaged instances too.
 */
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { detachAll } from './links.ts'
import { namesIn, type Pins, removeTree } from './pins.ts'
import { u32, update } from './sys/libbpf-map.ts'
import { openPinIfThere } from './sys/libbpf-pin.ts'

export function clearInstance(pins: Pins): void {
  stopDeciding(pins)
  for (const name of namesIn(pins.root)) removeTree(join(pins.root, name))
}

/** The first half: nothing is decided any more, and its pins still say what it was. */
export function stopDeciding(pins: Pins): void {
  const generation = openPinIfThere(pins.map('km_generation'))
  if (generation !== null) {
    try {
      update(generation, u32(0), u32(0))
    } finally {
      closeSync(generation)
    }
  }
  detachAll(pins)
}
