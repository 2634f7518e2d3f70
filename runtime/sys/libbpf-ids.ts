/**
 * Everything of one kind that the kernel holds, by id, and descriptors by id. In: a kind; out: ids, descriptors.
 * All of it needs CAP_SYS_ADMIN (the kernel's rule), so apply does without: it serves status of foreign programs and tests for leaks.
 */
import { bind, LIBBPF } from './library.ts'
import { checked } from './system-error.ts'

export type ObjectKind = 'program' | 'map' | 'link'

type NextId = (start: number, next: Buffer) => number
type FdById = (id: number) => number

const NEXT: Readonly<Record<ObjectKind, NextId>> = {
  program: bind<NextId>(LIBBPF, 'int bpf_prog_get_next_id(uint32_t start_id, void *next_id)'),
  map: bind<NextId>(LIBBPF, 'int bpf_map_get_next_id(uint32_t start_id, void *next_id)'),
  link: bind<NextId>(LIBBPF, 'int bpf_link_get_next_id(uint32_t start_id, void *next_id)'),
}
const BY_ID: Readonly<Record<ObjectKind, FdById>> = {
  program: bind<FdById>(LIBBPF, 'int bpf_prog_get_fd_by_id(uint32_t id)'),
  map: bind<FdById>(LIBBPF, 'int bpf_map_get_fd_by_id(uint32_t id)'),
  link: bind<FdById>(LIBBPF, 'int bpf_link_get_fd_by_id(uint32_t id)'),
}

const ENOENT = 2

/** Ascending ids of all objects of a kind. */
export function listIds(kind: ObjectKind): number[] {
  const ids: number[] = []
  const next = Buffer.alloc(4)
  for (let start = 0; ; ) {
    const result = NEXT[kind](start, next)
    if (result === -ENOENT) return ids
    checked(result, 'bpf_get_next_id', kind)
    start = next.readUInt32LE(0)
    ids.push(start)
  }
}

/** A descriptor, which the caller closes; null when no object has the id any more. */
export function openById(kind: ObjectKind, id: number): number | null {
  const result = BY_ID[kind](id)
  return result === -ENOENT ? null : checked(result, 'bpf_get_fd_by_id', `${kind} ${id}`)
}
