/**
 * Pins in a bpffs. In: descriptors and paths; out: descriptors that the caller closes. Directories, renames and removals are plain file
 * operations (node:fs); names must not contain a dot, which bpffs reserves.
 */
import { bind, LIBBPF } from './library.ts'
import { checked } from './system-error.ts'

const objPin = bind<(fd: number, path: string) => number>(LIBBPF, 'int bpf_obj_pin(int fd, const char *pathname)')
const objGet = bind<(path: string) => number>(LIBBPF, 'int bpf_obj_get(const char *pathname)')

export function pin(fd: number, path: string): void {
  checked(objPin(fd, path), 'bpf_obj_pin', path)
}

/** Opens what is pinned at `path`. */
export function openPin(path: string): number {
  return checked(objGet(path), 'bpf_obj_get', path)
}

const ENOENT = 2

/** Opens what is pinned at `path`; null when nothing is. */
export function openPinIfThere(path: string): number | null {
  const result = objGet(path)
  return result === -ENOENT ? null : checked(result, 'bpf_obj_get', path)
}
