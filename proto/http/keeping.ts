/**
 * Requests that may be tried again. In: nothing. Out: layouts and capacities.
 *
 * The kernel sends a request once. Where its route tries again - after an answer with one of some statuses, or without an answer - the request goes along as it came, in a row of km_kept,
 * which is its upstream's. A reply program does not send an answer whose status is one of those, but leaves it to user space; the holder does so with an upstream that is lost or late. Node has
 * the request then, the first answer or its want, and the interpreter with the number that the kernel drew: it goes on from there as if the first try had been its own.
 */
import { layout } from '../layout.ts'

/** Rows of km_kept: requests under way that may be tried again. A power of two. */
export const KEPTS = 1024
/** Rows, from the upstream's cookie modulo KEPTS on, of which a request takes the first that is free. */
export const KEPT_PROBES = 4
/** Bytes of the longest request that is kept, head and body; longer ones are user space's from the beginning. One less than a power of two. */
export const KEPT_MAX = 4095

/** Statuses that km_retried has a bit for, from this one on. */
export const RETRIED_FIRST = 344
export const RETRIED_WORDS = 4

export const retried = layout('km_retried', 'A row of km_http: which statuses a route tries again.', {
  statuses: ['u64[4]', 'bit n: RETRIED_FIRST + n'],
})

export const kept = layout(
  'km_kept',
  'A request that is under way and may be tried again. It belongs to an upstream while that is no idle connection of its pool.',
  {
    taken: ['u64', 'cookie of the upstream, and ROW_TURN; 0: nobody has had it yet'],
    random: ['u64', 'the number that was drawn for it, of which each choice is a remainder'],
    started: ['u64', 'monotonic nanoseconds at which it was sent'],
    length: ['u32', 'bytes of it, head and body'],
    port: ['u32', 'of the endpoint that it was sent to, host order'],
    address: ['u8[16]', 'of the same, IPv4-mapped or IPv6'],
    statuses: ['u64[4]', 'km_retried'],
    bytes: ['u8[4096]', 'as they came from the client'],
  },
)

export const KEEPING_LAYOUTS = [retried, kept] as const
