/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The bytes of a message in `head`. In: a message of sk_msg. Out: as much of its beginning as is needed, and what scan.h says of it.
 */
#pragma once
#include "message-bytes.h"
#include "scan.h"

/* Copies as much of the message as is needed, and walks along it; the scan has been begun. KM_SCAN_*. */
static __always_inline int km_scan_message(struct sk_msg_md *msg, struct km_request *request)
{
  __u32 size = msg->size;
  __u32 most = size < KM_HEAD_MAX ? size : KM_HEAD_MAX;
  __u32 first = most < KM_FIRST_BYTES ? most : KM_FIRST_BYTES;
  if (km_copy_first(msg, request, first))
    return km_scan_slow(request, KM_SLOW_HEAD_SIZE);
  if (first == size && first % KM_WORD_BYTES && km_copy_last(msg, request))
    return km_scan_slow(request, KM_SLOW_HEAD_SIZE);
  km_pad_head(request, first);
  int result = km_scan_on(request, first);
  if (result != KM_SCAN_MORE || first == most)
    return result != KM_SCAN_MORE || size < KM_HEAD_MAX ? result : km_scan_slow(request, KM_SLOW_HEAD_SIZE);
  if (km_copy_rest(msg, request, most) || (most == size && km_copy_last(msg, request)))
    return km_scan_slow(request, KM_SLOW_HEAD_SIZE);
  km_pad_head(request, most);
  result = km_scan_on(request, most);
  return result != KM_SCAN_MORE || size < KM_HEAD_MAX ? result : km_scan_slow(request, KM_SLOW_HEAD_SIZE);
}
