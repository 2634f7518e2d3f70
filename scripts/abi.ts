/**
 * Prints the C side of proto/abi.ts and of what stands beside it (proto/abi-parts.ts): `node --import tsx scripts/abi.ts > bpf/lib/abi.gen.h`.
 *
 * In: layouts and constants of proto/abi.ts. Out: a header with one struct per layout, one `#define` per constant (prefix KM_), and a
 * static assertion for every size and offset, so that clang proves what TypeScript assumes (invariant 7).
 * The header needs only <linux/types.h> and <stddef.h>'s offsetof (as a builtin), nothing of libbpf.
 */
import { pathToFileURL } from 'node:url'
import * as abi from '../proto/abi.ts'
import { ABI_CONSTANTS, ABI_LAYOUTS } from '../proto/abi-parts.ts'
import * as editing from '../proto/http/editing.ts'
import { SLOW_REASONS } from '../proto/http/sockets.ts'
import { MAPS } from '../proto/maps.ts'
import type { Field, FieldType, Layout } from '../proto/layout.ts'

const C_TYPE: Readonly<Record<FieldType, string>> = { u8: '__u8', u16: '__u16', u32: '__u32', u64: '__u64' }

/** Fields that C sees as an array of structs of the same bytes. */
const STRUCT_FIELDS: Readonly<Record<string, { readonly layout: Layout; readonly count: string }>> = {
  'km_cluster.cells': { layout: abi.cell, count: 'KM_CLUSTER_CELLS' },
  'km_edits.name': { layout: editing.editName, count: 'KM_EDIT_NAMES_MAX' },
  'km_edits.part': { layout: editing.editPart, count: 'KM_EDIT_PARTS_MAX' },
}

/** The whole header. */
export function abiHeader(): string {
  return [
    '/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */',
    '/* Generated from proto/abi.ts by scripts/abi.ts. Do not edit. */',
    '#pragma once',
    '#include <linux/types.h>',
    '',
    ...constants(),
    '',
    ...ABI_LAYOUTS.flatMap((layout) => [...structLines(layout), '']),
  ].join('\n')
}

function constants(): string[] {
  const lines: string[] = []
  for (const [name, value] of ABI_CONSTANTS) lines.push(define(name, value))
  lines.sort()
  for (const [index, name] of abi.POLICIES.entries()) lines.push(define(`POLICY_${name}`, index))
  for (const [name, value] of Object.entries(abi.REASONS)) lines.push(define(`REASON_${name}`, value))
  for (const [name, value] of Object.entries(SLOW_REASONS)) lines.push(define(`SLOW_${name}`, value))
  for (const [index, name] of abi.GENERATION_STATES.entries()) lines.push(define(`GENERATION_${name}`, index))
  for (const map of MAPS) if (map.maxEntries > 0) lines.push(define(`ENTRIES_${map.name.replace(/^km_/, '')}`, map.maxEntries))
  return lines
}

function define(name: string, value: number | bigint): string {
  return `#define KM_${name.toUpperCase()} ${value >= 2 ** 31 ? `${value}ULL` : value}`
}

/** One struct in C, with a static assertion for its size and each offset. */
export function structLines(layout: Layout): string[] {
  const fields = Object.values(layout.fields)
  return [
    `/* ${layout.doc} */`,
    `struct ${layout.name} {`,
    ...fields.map((field) => `  ${declaration(layout, field)};${field.doc === '' ? '' : ` /* ${field.doc} */`}`),
    '};',
    `_Static_assert(sizeof(struct ${layout.name}) == ${layout.size}, "size of ${layout.name}");`,
    ...fields.map(
      (field) =>
        `_Static_assert(__builtin_offsetof(struct ${layout.name}, ${field.name}) == ${field.offset}, "offset of ${layout.name}.${field.name}");`,
    ),
  ]
}

function declaration(layout: Layout, field: Field): string {
  const nested = STRUCT_FIELDS[`${layout.name}.${field.name}`]
  if (nested !== undefined) return `struct ${nested.layout.name} ${field.name}[${nested.count}]`
  return `${C_TYPE[field.type]} ${field.name}${field.count === 1 ? '' : `[${field.count}]`}`
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) process.stdout.write(abiHeader())
