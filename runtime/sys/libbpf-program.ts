/**
 * Facts about a loaded program. In: its descriptor; out: name, size, cost. Invariant: what the caller may not see (no CAP_BPF) is 0.
 */
import { closeSync } from 'node:fs'
import { openPinIfThere } from './libbpf-pin.ts'
import { bind, LIBBPF } from './library.ts'
import { checked } from './system-error.ts'

const infoByFd = bind<(fd: number, info: Buffer, length: Buffer) => number>(
  LIBBPF,
  'int bpf_obj_get_info_by_fd(int fd, void *info, void *len)',
)

export interface ProgramInfo {
  readonly id: number
  /** bpf_prog_type */
  readonly type: number
  /** first 15 characters of the program's name */
  readonly name: string
  /** hex of the instructions' hash */
  readonly tag: string
  readonly jitedBytes: number
  readonly xlatedBytes: number
  /** instructions that the verifier walked through */
  readonly verifiedInstructions: number
  /** only counted while kernel.bpf_stats_enabled is 1 */
  readonly runs: bigint
  readonly runNanoseconds: bigint
}

const PROGRAM_INFO_SIZE = 232

export function programInfo(program: number): ProgramInfo {
  const info = Buffer.alloc(PROGRAM_INFO_SIZE)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(PROGRAM_INFO_SIZE)
  checked(infoByFd(program, info, length), 'bpf_obj_get_info_by_fd', 'program')
  return {
    id: info.readUInt32LE(4),
    type: info.readUInt32LE(0),
    name: info.toString('latin1', 64, 80).replace(/\0.*$/, ''),
    tag: info.toString('hex', 8, 16),
    jitedBytes: info.readUInt32LE(16),
    xlatedBytes: info.readUInt32LE(20),
    verifiedInstructions: info.readUInt32LE(216),
    runs: info.readBigUInt64LE(200),
    runNanoseconds: info.readBigUInt64LE(192),
  }
}

/** Id of the program pinned at `path`; 0 when nothing is. */
export function pinnedProgramId(path: string): number {
  const fd = openPinIfThere(path)
  if (fd === null) return 0
  try {
    return programInfo(fd).id
  } finally {
    closeSync(fd)
  }
}
