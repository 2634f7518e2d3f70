/**
 * Programs on maps of sockets. In: descriptors; out: links, or nothing where the kernel has no links for them (before 6.10): then the program stays
 * attached as long as the map lives.
 */
import { bind, LIBBPF } from './library.ts'
import { checked } from './system-error.ts'

/** bpf_attach_type (linux/bpf.h) */
export const SOCKMAP_ATTACH_TYPES = { sk_msg: 7, sk_skb_verdict: 38 } as const
export type SockmapHook = keyof typeof SOCKMAP_ATTACH_TYPES

const linkCreate = bind<(program: number, target: number, type: number, options: null) => number>(
  LIBBPF,
  'int bpf_link_create(int prog_fd, int target_fd, int attach_type, void *opts)',
)
const progAttach = bind<(program: number, target: number, type: number, flags: number) => number>(
  LIBBPF,
  'int bpf_prog_attach(int prog_fd, int attachable_fd, int type, uint32_t flags)',
)
const progDetach = bind<(program: number, target: number, type: number) => number>(
  LIBBPF,
  'int bpf_prog_detach2(int prog_fd, int attachable_fd, int type)',
)

const EINVAL = 22
const EOPNOTSUPP = 95

/** A link of `program` to `map`; null where the kernel makes none. */
export function createSockmapLink(program: number, map: number, hook: SockmapHook): number | null {
  const result = linkCreate(program, map, SOCKMAP_ATTACH_TYPES[hook], null)
  if (result === -EINVAL || result === -EOPNOTSUPP) return null
  return checked(result, 'bpf_link_create', hook)
}

/** Without a link: replaces whatever program the map has. */
export function attachToSockmap(program: number, map: number, hook: SockmapHook): void {
  checked(progAttach(program, map, SOCKMAP_ATTACH_TYPES[hook], 0), 'bpf_prog_attach', hook)
}

export function detachFromSockmap(program: number, map: number, hook: SockmapHook): void {
  checked(progDetach(program, map, SOCKMAP_ATTACH_TYPES[hook]), 'bpf_prog_detach2', hook)
}
