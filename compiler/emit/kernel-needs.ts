/**
 * What programs ask of a kernel. In: objects, a kernel line ("6.1"). Out: the helpers they call, and those that the line does not have yet.
 * Invariant: every helper that an object calls is in the table; one that is not is our own mistake and throws, as does a function of the kernel (kfunc).
 * Source of the versions: the kernel that first had each in enum bpf_func_id (include/uapi/linux/bpf.h).
 */
import { compareLines } from '../../proto/artifact/proof.ts'
import { objectFunctions, undefinedSymbols } from './elf.ts'

/** The oldest line that is supported: everything below is there, and scripts/kernel-matrix runs on it. */
export const OLDEST_LINE = '6.1'
/** Helpers of this line and before are nothing to speak of. */
const COMMON_LINE = '5.15'

export interface Helper {
  /** as it is called in C */
  readonly name: string
  /** the first kernel that has it */
  readonly since: string
}

const HELPERS: Readonly<Record<number, Helper>> = {
  1: { name: 'bpf_map_lookup_elem', since: '3.19' },
  2: { name: 'bpf_map_update_elem', since: '3.19' },
  3: { name: 'bpf_map_delete_elem', since: '3.19' },
  5: { name: 'bpf_ktime_get_ns', since: '4.1' },
  7: { name: 'bpf_get_prandom_u32', since: '4.1' },
  8: { name: 'bpf_get_smp_processor_id', since: '4.1' },
  12: { name: 'bpf_tail_call', since: '4.2' },
  25: { name: 'bpf_perf_event_output', since: '4.4' },
  26: { name: 'bpf_skb_load_bytes', since: '4.5' },
  46: { name: 'bpf_get_socket_cookie', since: '4.12' },
  59: { name: 'bpf_sock_ops_cb_flags_set', since: '4.16' },
  61: { name: 'bpf_msg_apply_bytes', since: '4.17' },
  62: { name: 'bpf_msg_cork_bytes', since: '4.17' },
  63: { name: 'bpf_msg_pull_data', since: '4.17' },
  70: { name: 'bpf_sock_hash_update', since: '4.18' },
  71: { name: 'bpf_msg_redirect_hash', since: '4.18' },
  72: { name: 'bpf_sk_redirect_hash', since: '4.18' },
  90: { name: 'bpf_msg_push_data', since: '5.0' },
  91: { name: 'bpf_msg_pop_data', since: '5.0' },
  107: { name: 'bpf_sk_storage_get', since: '5.2' },
  108: { name: 'bpf_sk_storage_delete', since: '5.2' },
  122: { name: 'bpf_get_netns_cookie', since: '5.7' },
  125: { name: 'bpf_ktime_get_boot_ns', since: '5.8' },
  130: { name: 'bpf_ringbuf_output', since: '5.8' },
  131: { name: 'bpf_ringbuf_reserve', since: '5.8' },
  132: { name: 'bpf_ringbuf_submit', since: '5.8' },
  133: { name: 'bpf_ringbuf_discard', since: '5.8' },
  134: { name: 'bpf_ringbuf_query', since: '5.8' },
  160: { name: 'bpf_ktime_get_coarse_ns', since: '5.11' },
  181: { name: 'bpf_loop', since: '5.17' },
  186: { name: 'bpf_get_retval', since: '5.18' },
  187: { name: 'bpf_set_retval', since: '5.18' },
  197: { name: 'bpf_dynptr_from_mem', since: '5.19' },
  201: { name: 'bpf_dynptr_read', since: '5.19' },
  208: { name: 'bpf_ktime_get_tai_ns', since: '6.1' },
}

/** Helpers that the programs of an object call, by number. `table`: what is known of helpers. */
export function helpersOf(object: Uint8Array, table: Readonly<Record<number, Helper>> = HELPERS): readonly Helper[] {
  const kernelFunctions = undefinedSymbols(object)
  if (kernelFunctions.length > 0) throw new Error(`since when are there ${kernelFunctions.join(', ')}?`)
  const numbers = new Set(objectFunctions(object).flatMap(({ helpers }) => [...helpers]))
  return [...numbers]
    .sort((a, b) => a - b)
    .map((number) => {
      const helper = table[number]
      if (helper === undefined) throw new Error(`since when is there helper ${number}?`)
      return helper
    })
}

/** Those that `line` does not have. */
export function lackingIn(line: string, helpers: readonly Helper[]): readonly Helper[] {
  return helpers.filter(({ since }) => compareLines(since, line) > 0)
}

/** What ArtifactConfig.target.features lists. */
export function featuresOf(objects: readonly Uint8Array[]): readonly string[] {
  const helpers = objects.flatMap((object) => lackingIn(COMMON_LINE, helpersOf(object)))
  return [...new Set(helpers.map(({ name }) => name))].sort()
}
