/**
 * What the kernel lets programs do, tried with tiny ones. In: a throwaway cgroup, or null when none can be made; out: checks.
 * Invariant: everything that is loaded, attached or made here is gone afterwards; the programs that are attached let everything through, in a cgroup
 * without processes.
 */
import { closeSync, openSync } from 'node:fs'
import { DECIDING_HOOKS } from '../proto/abi.ts'
import { type Check, found, missing, type Subject } from './doctor-check.ts'
import { HOOKS } from './hooks.ts'
import { type HelperResult, kindOf, kindOfSocketProgram, op, PASS, probeHelper, probeProgram, type SocketProgram } from './sys/bpf-probe.ts'
import { closeDescriptor } from './sys/libc.ts'
import { createLink, type HookName } from './sys/libbpf-link.ts'
import { createMap, u32, update } from './sys/libbpf-map.ts'
import { isErrno, SystemError } from './sys/system-error.ts'

export function programChecks(cgroup: string | null): readonly Check[] {
  return [...HOOKS.map((hook) => attachCheck(hook, cgroup)), ...DECIDING_HOOKS.map(tailCallCheck)]
}

function attachCheck(hook: HookName, cgroup: string | null): Check {
  const subject: Subject = { group: 'programs', name: hook, level: 'required', code: 'KM9201' }
  const program = probeProgram(kindOf(hook), PASS)
  if (program.kind === 'refused') return refused(subject, 'load', program.error)
  try {
    if (cgroup === null) return missing(subject, 'loads; attaching was not tried, because no cgroup can be made', 'unknown')
    const directory = openSync(cgroup, 'r')
    try {
      closeDescriptor(createLink(program.fd, directory, hook))
      return found(subject, 'loads and attaches')
    } finally {
      closeSync(directory)
    }
  } catch (error) {
    if (error instanceof SystemError) return refused(subject, 'attach', error)
    throw error
  } finally {
    closeDescriptor(program.fd)
  }
}

const TAIL_CALL = 12

/** A prog array serves one attach type only (kernels since 2025 enforce it), so each deciding hook is tried with one of its own. */
function tailCallCheck(hook: HookName): Check {
  const subject: Subject = { group: 'programs', name: `${hook} tail call`, level: 'required', code: 'KM9201' }
  const open: number[] = []
  const keep = (fd: number): number => {
    open.push(fd)
    return fd
  }
  try {
    const array = keep(createMap({ name: 'kmesh_probe', type: 'prog_array', keySize: 4, valueSize: 4, maxEntries: 1 }))
    // the context is in r1 already
    const caller = probeProgram(kindOf(hook), [...op.map(2, array), op.set(3, 0), op.call(TAIL_CALL), ...PASS])
    if (caller.kind === 'refused') return refused(subject, 'load', caller.error)
    keep(caller.fd)
    const target = probeProgram(kindOf(hook), PASS)
    if (target.kind === 'refused') return refused(subject, 'load', target.error)
    update(array, u32(0), u32(keep(target.fd)))
    return found(subject, 'loads, and its table takes a program')
  } catch (error) {
    if (error instanceof SystemError) return refused(subject, 'use', error)
    throw error
  } finally {
    for (const fd of open) closeDescriptor(fd)
  }
}

function refused(subject: Subject, verb: string, error: SystemError): Check {
  if (isErrno(error, 'EPERM')) return missing(subject, `may not be tried: ${error.code} at ${verb}`, 'unknown')
  return missing(subject, `does not ${verb}: ${error.code}`)
}

interface HelperNeed {
  readonly name: string
  /** number in linux/bpf.h */
  readonly number: number
  readonly hooks: readonly HookName[]
  /** first kernel that has it for these hooks */
  readonly since: string
}

const SENDING = ['connect4', 'connect6', 'sendmsg4', 'sendmsg6'] as const
const ALL_ADDRESS = [...SENDING, 'recvmsg4', 'recvmsg6', 'getpeername4', 'getpeername6'] as const

/** Every helper that bpf/ and the generated programs call. */
export const HELPERS: readonly HelperNeed[] = [
  { name: 'bpf_map_lookup_elem', number: 1, hooks: HOOKS, since: '4.10' },
  { name: 'bpf_map_update_elem', number: 2, hooks: [...SENDING, 'sock_ops'], since: '4.13' },
  { name: 'bpf_ktime_get_ns', number: 5, hooks: [...SENDING, 'recvmsg4', 'recvmsg6'], since: '4.17' },
  { name: 'bpf_get_prandom_u32', number: 7, hooks: SENDING, since: '4.17' },
  { name: 'bpf_tail_call', number: TAIL_CALL, hooks: SENDING, since: '4.17' },
  { name: 'bpf_get_socket_cookie', number: 46, hooks: [...ALL_ADDRESS, 'sock_ops', 'sock_release'], since: '5.8' },
  { name: 'bpf_sock_ops_cb_flags_set', number: 59, hooks: ['sock_ops'], since: '4.16' },
  { name: 'bpf_sk_storage_get', number: 107, hooks: [...ALL_ADDRESS, 'sock_ops', 'sock_release'], since: '5.8' },
  { name: 'bpf_get_netns_cookie', number: 122, hooks: SENDING, since: '5.7' },
  { name: 'bpf_loop', number: 181, hooks: SENDING, since: '5.17' },
  { name: 'bpf_get_retval', number: 186, hooks: SENDING, since: '5.18' },
  { name: 'bpf_set_retval', number: 187, hooks: SENDING, since: '5.18' },
]

interface SocketHelperNeed {
  readonly name: string
  readonly number: number
  readonly programs: readonly SocketProgram[]
  readonly since: string
}

/** Further ones, which only HTTP services need. */
export const HTTP_HELPERS: readonly SocketHelperNeed[] = [
  { name: 'bpf_map_delete_elem', number: 3, programs: ['sk_msg'], since: '4.17' },
  { name: 'bpf_skb_load_bytes', number: 26, programs: ['sk_skb'], since: '4.14' },
  { name: 'bpf_msg_apply_bytes', number: 61, programs: ['sk_msg'], since: '4.17' },
  { name: 'bpf_msg_cork_bytes', number: 62, programs: ['sk_msg'], since: '4.17' },
  { name: 'bpf_msg_pull_data', number: 63, programs: ['sk_msg'], since: '4.17' },
  { name: 'bpf_msg_redirect_hash', number: 71, programs: ['sk_msg'], since: '4.18' },
  { name: 'bpf_sk_redirect_hash', number: 72, programs: ['sk_skb'], since: '4.18' },
  { name: 'bpf_msg_push_data', number: 90, programs: ['sk_msg'], since: '4.20' },
  { name: 'bpf_msg_pop_data', number: 91, programs: ['sk_msg'], since: '5.0' },
  { name: 'bpf_ringbuf_reserve', number: 131, programs: ['sk_msg', 'sk_skb'], since: '5.8' },
  { name: 'bpf_ringbuf_submit', number: 132, programs: ['sk_msg', 'sk_skb'], since: '5.8' },
  { name: 'bpf_dynptr_from_mem', number: 197, programs: ['sk_msg'], since: '5.19' },
  { name: 'bpf_dynptr_read', number: 201, programs: ['sk_msg'], since: '5.19' },
]
/** bpf_sock_hash_update is for socket callbacks. */
export const SOCKET_CALLBACK_HELPERS: readonly HelperNeed[] = [
  { name: 'bpf_sock_hash_update', number: 70, hooks: ['sock_ops'], since: '4.18' },
]

export function helperChecks(): readonly Check[] {
  return [
    ...HELPERS.map((need) => helperCheck(need, onHooks(need), 'required')),
    ...SOCKET_CALLBACK_HELPERS.map((need) => helperCheck(need, onHooks(need), 'recommended')),
    ...HTTP_HELPERS.map((need) => {
      const results = need.programs.map((program) => [program, probeHelper(kindOfSocketProgram(program), need.number)] as const)
      return helperCheck(need, results, 'recommended')
    }),
  ]
}

type Tried = readonly (readonly [place: string, result: HelperResult])[]

function onHooks({ hooks, number }: HelperNeed): Tried {
  return hooks.map((hook) => [hook, probeHelper(kindOf(hook), number)])
}

/** recommended: only HTTP services need it */
function helperCheck({ name, since }: Pick<HelperNeed, 'name' | 'since'>, results: Tried, level: Subject['level']): Check {
  const subject: Subject = { group: 'helpers', name, level, code: 'KM9202' }
  const absent = results.filter(([, result]) => result === 'absent').map(([place]) => place)
  if (absent.length > 0) return missing(subject, `not for ${absent.join(', ')} (kernels from ${since} on have it)`)
  if (results.some(([, result]) => result === 'not permitted'))
    return missing(subject, 'may not be tried: programs cannot be loaded', 'unknown')
  return found(subject, results.length === HOOKS.length ? 'every hook' : results.map(([place]) => place).join(', '))
}
