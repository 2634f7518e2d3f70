/**
 * Links of programs to cgroups, and what the kernel says is attached there. In: file descriptors; out: descriptors and plain facts.
 * Invariant: a descriptor that is returned belongs to the caller, who closes it.
 */
import { bind, LIBBPF } from './library.ts'
import { checked, isErrno, SystemError } from './system-error.ts'

/** bpf_attach_type of the hooks used here (linux/bpf.h). */
export const ATTACH_TYPES = {
  sock_ops: 3,
  connect4: 10,
  connect6: 11,
  sendmsg4: 14,
  sendmsg6: 15,
  recvmsg4: 19,
  recvmsg6: 20,
  getpeername4: 29,
  getpeername6: 30,
  sock_release: 34,
} as const
export type HookName = keyof typeof ATTACH_TYPES

const linkCreate = bind<(program: number, target: number, type: number, options: null) => number>(
  LIBBPF,
  'int bpf_link_create(int prog_fd, int target_fd, int attach_type, void *opts)',
)
const linkUpdate = bind<(link: number, program: number, options: null) => number>(
  LIBBPF,
  'int bpf_link_update(int link_fd, int new_prog_fd, void *opts)',
)
const linkDetach = bind<(link: number) => number>(LIBBPF, 'int bpf_link_detach(int link_fd)')
const infoByFd = bind<(fd: number, info: Buffer, length: Buffer) => number>(
  LIBBPF,
  'int bpf_obj_get_info_by_fd(int fd, void *info, void *len)',
)
const progQuery = bind<(target: number, type: number, flags: number, attachFlags: Buffer, ids: Buffer, count: Buffer) => number>(
  LIBBPF,
  'int bpf_prog_query(int target_fd, int type, uint32_t query_flags, void *attach_flags, void *prog_ids, void *prog_cnt)',
)

/** Attaches a program to an open cgroup directory; gives the link's descriptor. */
export function createLink(program: number, cgroup: number, hook: HookName): number {
  return checked(linkCreate(program, cgroup, ATTACH_TYPES[hook], null), 'bpf_link_create', hook)
}

/** Puts another program into a link, in one step. */
export function updateLink(link: number, program: number): void {
  checked(linkUpdate(link, program, null), 'bpf_link_update')
}

/** Detaches now, whoever else holds the link. */
export function detachLink(link: number): void {
  checked(linkDetach(link), 'bpf_link_detach')
}

export interface LinkInfo {
  readonly id: number
  readonly programId: number
  /** 0 when its cgroup is gone */
  readonly cgroupId: bigint
  /** bpf_attach_type */
  readonly attachType: number
}

const LINK_INFO_SIZE = 48

export function linkInfo(link: number): LinkInfo {
  const info = Buffer.alloc(LINK_INFO_SIZE)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(LINK_INFO_SIZE)
  checked(infoByFd(link, info, length), 'bpf_obj_get_info_by_fd', 'link')
  return {
    id: info.readUInt32LE(4),
    programId: info.readUInt32LE(8),
    cgroupId: info.readBigUInt64LE(16),
    attachType: info.readUInt32LE(24),
  }
}

/** BPF_F_QUERY_EFFECTIVE: also the programs of ancestors, in the order in which they run. */
const QUERY_EFFECTIVE = 1

/**
 * Ids of the programs on one hook of an open cgroup directory: `own` those attached right there, `effective` those that run for its sockets,
 * first first (its own before an ancestor's). Needs CAP_NET_ADMIN.
 */
export function queryPrograms(cgroup: number, attachType: number, scope: 'own' | 'effective'): number[] {
  for (let capacity = 64; ; capacity *= 4) {
    const attachFlags = Buffer.alloc(4)
    const ids = Buffer.alloc(capacity * 4)
    const count = Buffer.alloc(4)
    count.writeUInt32LE(capacity)
    const result = progQuery(cgroup, attachType, scope === 'effective' ? QUERY_EFFECTIVE : 0, attachFlags, ids, count)
    if (result < 0) {
      const error = new SystemError({ call: 'bpf_prog_query', errno: -result })
      if (isErrno(error, 'ENOSPC') && capacity < 1 << 16) continue
      throw error
    }
    return Array.from({ length: count.readUInt32LE(0) }, (_, i) => ids.readUInt32LE(i * 4))
  }
}
