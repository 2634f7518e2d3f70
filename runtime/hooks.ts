/**
 * The hooks of the base object, in the order in which they are attached: what works from socket storage first, what decides last, so that a
 * connection is never chosen for that the others would not know. In: an ELF section; out: its hook.
 */
import type { HookName } from './sys/libbpf-link.ts'

const SECTIONS: readonly (readonly [section: string, hook: HookName])[] = [
  ['cgroup/sock_release', 'sock_release'],
  ['sockops', 'sock_ops'],
  ['cgroup/getpeername4', 'getpeername4'],
  ['cgroup/getpeername6', 'getpeername6'],
  ['cgroup/recvmsg4', 'recvmsg4'],
  ['cgroup/recvmsg6', 'recvmsg6'],
  ['cgroup/sendmsg4', 'sendmsg4'],
  ['cgroup/sendmsg6', 'sendmsg6'],
  ['cgroup/connect4', 'connect4'],
  ['cgroup/connect6', 'connect6'],
]

export const HOOKS: readonly HookName[] = SECTIONS.map(([, hook]) => hook)

/** Undefined for a section that is not attached. */
export function hookOf(section: string): HookName | undefined {
  return SECTIONS.find(([candidate]) => candidate === section)?.[1]
}
