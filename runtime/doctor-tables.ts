/**
 * Kinds of tables and what is done with them, tried with small ones. In: nothing; out: checks. Invariant: nothing stays.
 */
import { type Check, found, missing, type Subject } from './doctor-check.ts'
import { closeDescriptor } from './sys/libc.ts'
import { loadStorageTypes } from './sys/libbpf-btf.ts'
import {
  arrayKeys,
  BPF_F_INNER_MAP,
  BPF_F_NO_PREALLOC,
  createMap,
  deleteAll,
  lookup,
  type MapShape,
  readAll,
  u32,
  update,
  updateAll,
} from './sys/libbpf-map.ts'
import { isErrno, SystemError } from './sys/system-error.ts'

const ROWS = 4
const NAME = 'kmesh_probe'
const ARRAY: MapShape = { name: NAME, type: 'array', keySize: 4, valueSize: 8, maxEntries: ROWS, flags: BPF_F_INNER_MAP }
const HASH: MapShape = { name: NAME, type: 'hash', keySize: 4, valueSize: 8, maxEntries: ROWS, flags: BPF_F_NO_PREALLOC }

interface Attempt {
  readonly name: string
  readonly detail: string
  /** Throws SystemError where the kernel cannot do it, Error where it does something else. `keep` closes a descriptor afterwards. */
  readonly work: (keep: (fd: number) => number) => void
}

const ATTEMPTS: readonly Attempt[] = [
  { name: 'array', detail: 'also as inner table of another size (BPF_F_INNER_MAP)', work: (keep) => void keep(createMap(ARRAY)) },
  { name: 'hash', detail: 'filled as needed (BPF_F_NO_PREALLOC)', work: (keep) => void keep(createMap(HASH)) },
  {
    name: 'lpm_trie',
    detail: 'longest prefix match',
    work: (keep) =>
      void keep(createMap({ name: NAME, type: 'lpm_trie', keySize: 8, valueSize: 4, maxEntries: ROWS, flags: BPF_F_NO_PREALLOC })),
  },
  {
    name: 'prog_array',
    detail: 'programs of a generation',
    work: (keep) => void keep(createMap({ name: NAME, type: 'prog_array', keySize: 4, valueSize: 4, maxEntries: ROWS })),
  },
  {
    name: 'sk_storage',
    detail: 'state that goes with its socket',
    work: (keep) => {
      const types = loadStorageTypes(8)
      keep(types.fd)
      keep(createMap({ name: NAME, type: 'sk_storage', keySize: 4, valueSize: 8, maxEntries: 0, flags: BPF_F_NO_PREALLOC, btf: types }))
    },
  },
  { name: 'batches on array', detail: 'written and read back', work: (keep) => batch(keep(createMap(ARRAY))) },
  {
    name: 'batches on hash',
    detail: 'written, read back and deleted',
    work: (keep) => {
      const map = keep(createMap(HASH))
      batch(map)
      deleteAll(map, arrayKeys(ROWS), ROWS)
      expect(readAll(map, 4, 8, ROWS).count === 0, 'entries stay after a batch delete')
    },
  },
  {
    name: 'map of maps',
    detail: 'takes an inner array of another size, found again by a single lookup',
    work: (keep) => {
      const outer = keep(
        createMap({ name: NAME, type: 'array_of_maps', keySize: 4, valueSize: 4, maxEntries: ROWS, innerFd: keep(createMap(ARRAY)) }),
      )
      update(outer, u32(0), u32(keep(createMap({ ...ARRAY, maxEntries: ROWS * 2 }))))
      const id = Buffer.alloc(4)
      expect(lookup(outer, u32(0), id) && id.readUInt32LE() !== 0, 'the inner table is not found')
    },
  },
  {
    name: 'batches on map of maps',
    detail: 'several inner tables in one call',
    work: (keep) => {
      const inner = keep(createMap(ARRAY))
      const outer = keep(createMap({ name: NAME, type: 'array_of_maps', keySize: 4, valueSize: 4, maxEntries: ROWS, innerFd: inner }))
      updateAll(outer, arrayKeys(2), Buffer.concat([u32(inner), u32(inner)]), 2)
    },
  },
]

export function tableChecks(): readonly Check[] {
  return ATTEMPTS.map((attempt) => {
    const subject: Subject = { group: 'tables', name: attempt.name, level: 'required', code: 'KM9203' }
    const open: number[] = []
    try {
      attempt.work((fd) => {
        open.push(fd)
        return fd
      })
      return found(subject, attempt.detail)
    } catch (error) {
      if (isErrno(error, 'EPERM')) return missing(subject, 'may not be tried: EPERM', 'unknown')
      return missing(subject, error instanceof SystemError ? `${error.call}: ${error.code}` : (error as Error).message)
    } finally {
      for (const fd of open) closeDescriptor(fd)
    }
  })
}

function batch(map: number): void {
  const values = Buffer.alloc(ROWS * 8)
  for (let i = 0; i < ROWS; i++) values.writeBigUInt64LE(BigInt(i + 1), i * 8)
  updateAll(map, arrayKeys(ROWS), values, ROWS)
  const read = readAll(map, 4, 8, ROWS)
  expect(read.count === ROWS, `${read.count} of ${ROWS} entries come back`)
}

function expect(truth: unknown, complaint: string): void {
  if (!truth) throw new Error(complaint)
}
