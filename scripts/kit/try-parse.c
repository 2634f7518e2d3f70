// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Heads from user space through the parser of requests, without a socket: BPF_PROG_TEST_RUN of a program for syscalls.
 *
 * In: km_try[0], a head. Out: the context, with what the parser says, and how long it took. Copying the head out of a message is not part of it.
 */
#include "lib/http/head.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define KM_TRY_SLOT 0
/* Unrolled: a loop would be one call too deep. */
#define KM_TRY_REPEATS 16

struct km_try_input {
  __u32 epoch;
  __u32 service;
  __u32 length;
  __u32 pad;
  __u8 head[KM_HEAD_MAX + KM_HEAD_PAD];
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct km_try_input);
} km_try SEC(".maps");

/* The context. */
struct km_tried {
  __u32 pad;
  __u32 result; /* KM_SCAN_* */
  __u32 reason;
  __u32 head_length;
  __u64 nanoseconds;
};

static long km_copy_step(__u32 step, __u32 *slot)
{
  struct km_try_input *input = bpf_map_lookup_elem(&km_try, slot);
  struct km_request *request = km_scratch_at(slot);
  __u32 at = step * KM_WORD_BYTES;
  if (!input || !request || at > KM_HEAD_MAX)
    return KM_STOP;
  barrier_var(at);
  *(__u64 *)(request->head + at) = *(__u64 *)(input->head + at);
  return KM_NEXT;
}

static __always_inline int km_parse_input(struct km_request *request, __u32 length)
{
  km_pad_head(request, length);
  int result = km_begin_head(request);
  if (!result)
    result = km_scan_on(request, length);
  return result == KM_SCAN_WHOLE ? km_end_head(request) : result;
}

SEC("syscall")
int try_parse(struct km_tried *tried)
{
  __u32 slot = KM_TRY_SLOT;
  struct km_try_input *input = bpf_map_lookup_elem(&km_try, &slot);
  struct km_request *request = km_scratch_at(&slot);
  if (!input || !request)
    return 1;
  request->slot = slot;
  request->epoch = input->epoch;
  request->service = input->service;
  bpf_loop((KM_HEAD_MAX + KM_HEAD_PAD) / KM_WORD_BYTES, km_copy_step, &slot, 0);
  __u64 begin = bpf_ktime_get_ns();
#pragma unroll
  for (int i = 0; i < KM_TRY_REPEATS; i++)
    tried->result = km_parse_input(request, input->length & (KM_HEAD_MAX - 1));
  tried->nanoseconds = (bpf_ktime_get_ns() - begin) / KM_TRY_REPEATS;
  tried->reason = request->reason;
  tried->head_length = request->head_length;
  return 0;
}
