/**
 * Statuses that something is refused with. In: the cursor of an HttpStatus. Out: its code where that is an error, else what stands in for it.
 * Source: Envoy's local_ratelimit (toErrorCode), original_ip_detection/custom_header; tried on Envoy 1.40.
 */
import type { Cursor } from '../input/cursor.ts'

export function errorStatus(at: Cursor, otherwise: number): number {
  const status = at.enumNumber('code') ?? 0
  return status < 400 ? otherwise : status
}
