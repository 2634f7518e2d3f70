/**
 * Finds cgroup v2 and bpffs in /proc/self/mountinfo, and makes a bpffs where there is none.
 * In: the text of mountinfo; out: mount points with their escapes (\040 and so on) undone. See proc_pid_mountinfo(5).
 */
import { mkdirSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { mountNew } from './libc.ts'

export interface Mount {
  readonly root: string
  readonly point: string
  readonly type: string
  readonly options: readonly string[]
}

/** Lines of mountinfo: `id parent major:minor root point options [tags] - type source super`. Lines of another shape are left out. */
export function parseMountinfo(text: string): readonly Mount[] {
  const mounts: Mount[] = []
  for (const line of text.split('\n')) {
    const fields = line.split(' ')
    const dash = fields.indexOf('-', 6)
    const [, , , root, point, options] = fields
    const type = fields[dash + 1]
    if (dash < 0 || root === undefined || point === undefined || options === undefined || type === undefined) continue
    mounts.push({ root: unescapeField(root), point: unescapeField(point), type, options: options.split(',') })
  }
  return mounts
}

/** Octal escapes cover bytes, and a path may be UTF-8. */
function unescapeField(field: string): string {
  if (!field.includes('\\')) return field
  const bytes: number[] = []
  for (let i = 0; i < field.length; i++) {
    const octal = /^\\([0-7]{3})/.exec(field.slice(i, i + 4))?.[1]
    if (octal === undefined) {
      bytes.push(...Buffer.from(field[i] as string))
      continue
    }
    bytes.push(Number.parseInt(octal, 8))
    i += 3
  }
  return Buffer.from(bytes).toString('utf8')
}

/** A later mount on the same point hides an earlier one, so the last that is visible counts. */
export function visibleMounts(mounts: readonly Mount[]): readonly Mount[] {
  const last = new Map<string, Mount>()
  for (const entry of mounts) {
    for (const point of last.keys())
      if (point !== entry.point && point.startsWith(`${entry.point === '/' ? '' : entry.point}/`)) last.delete(point)
    last.delete(entry.point)
    last.set(entry.point, entry)
  }
  return [...last.values()]
}

export function readMounts(): readonly Mount[] {
  return visibleMounts(parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')))
}

/** The cgroup v2 mount of the whole hierarchy where there are several; undefined when there is none. */
export function findCgroup2(mounts: readonly Mount[] = readMounts()): string | undefined {
  const found = mounts.filter((entry) => entry.type === 'cgroup2')
  return (found.find((entry) => entry.root === '/') ?? found[0])?.point
}

export const BPFFS = '/sys/fs/bpf'
/** of statfs(2) */
const BPF_FS_MAGIC = 0xcafe4a11

/** Where this process found one: mountinfo is a file of many lines, which a process that changes a generation every few milliseconds need not read each time. */
let found: string | undefined

/**
 * A writable bpffs, /sys/fs/bpf before others; undefined when there is none. The first place is looked up once in a process: after that, that there is a bpffs says enough.
 */
export function findBpffs(): string | undefined {
  if (found !== BPFFS || !isBpffs(found)) found = bpffsAmong(readMounts())
  return found
}

/** The same in the mounts that are given. */
export function bpffsAmong(mounts: readonly Mount[]): string | undefined {
  const writable = mounts.filter((entry) => entry.type === 'bpf' && entry.root === '/' && entry.options.includes('rw'))
  return (writable.find((entry) => entry.point === BPFFS) ?? writable[0])?.point
}

function isBpffs(path: string): boolean {
  try {
    return statfsSync(path).type === BPF_FS_MAGIC
  } catch {
    return false
  }
}

const BPFFS_FALLBACK = '/run/kmesh/bpf'

export interface BpffsResult {
  readonly path: string
  readonly mounted: 'before' | 'now'
}

/**
 * The bpffs of this mount namespace, mounted where there is none: on /sys/fs/bpf when the kernel made that directory, else on /run/kmesh/bpf.
 * Throws SystemError (EPERM without CAP_SYS_ADMIN).
 */
export function ensureBpffs(): BpffsResult {
  const existing = findBpffs()
  if (existing !== undefined) return { path: existing, mounted: 'before' }
  const path = isDirectory(BPFFS) ? BPFFS : BPFFS_FALLBACK
  mkdirSync(path, { recursive: true })
  mountNew('bpf', path)
  return { path, mounted: 'now' }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
