// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests from user space through the code that decides them, without a socket: BPF_PROG_TEST_RUN of a SEC("syscall") program.
 *
 * In: km_try[0], a head and where its parts are, as try-route.ts cuts it. Out: the context, with what km_route says and how long it took.
 */
#include "lib/http/all-features.h"
#include "lib/http/route.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define KM_TRY_LINES 64
#define KM_TRY_SLOT 0
#define KM_TRY_REPEATS (1 << 20)

struct km_try_line {
  __u16 line;
  __u16 name;
  __u16 name_length;
  __u16 value;
  __u16 length;
  __u16 pad;
};

struct km_try_input {
  __u32 epoch;
  __u32 service;
  __u64 random;
  __u8 source[16];
  __u32 head_length;
  __u16 method_length;
  __u16 path;
  __u16 path_length;
  __u16 query;
  __u16 query_length;
  __u16 host;
  __u16 host_length;
  __u16 lines;
  struct km_try_line line[KM_TRY_LINES];
  __u8 head[KM_HEAD_MAX + KM_HEAD_PAD];
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct km_try_input);
} km_try SEC(".maps");

/* The context: how often in; the rest out. */
struct km_tried {
  __u32 repeat;
  __u32 verdict;
  __u32 route;
  __u32 action;
  __u32 reason;
  __u32 state;
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

static long km_line_step(__u32 step, __u32 *slot)
{
  struct km_try_input *input = bpf_map_lookup_elem(&km_try, slot);
  struct km_request *request = km_scratch_at(slot);
  if (!input || !request || step >= KM_TRY_LINES)
    return KM_STOP;
  const struct km_try_line *line = &input->line[step];
  const struct km_service *service = km_service_of(request);
  if (!service || !km_may_interest(service->letters, service->lengths, km_byte(request, line->name), line->name_length))
    return KM_NEXT;
  __u32 slots = km_interest(request, line->name, line->name_length);
  if (!slots)
    return KM_NEXT;
  if (slots > KM_INTEREST_MAX) {
    request->reason = KM_SLOW_TABLE + 1;
    return KM_STOP;
  }
  __u32 at = slots - 1;
  if (request->seen >> at & 1) {
    request->again |= 1ULL << at;
    return KM_NEXT;
  }
  request->seen |= 1ULL << at;
  at &= KM_INTEREST_MAX - 1;
  barrier_var(at);
  request->found[at].name = line->name_length;
  request->found[at].line = line->line;
  request->found[at].value = line->value;
  request->found[at].length = line->length;
  return KM_NEXT;
}

static long km_repeat_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (request)
    km_route(request);
  return KM_NEXT;
}

/* Whether the head could be taken apart; else `reason` is one more than why not. */
static __always_inline int km_take_input(struct km_request *request, const struct km_try_input *input)
{
  __u32 slot = KM_TRY_SLOT;
  request->slot = slot;
  request->epoch = input->epoch;
  request->service = input->service;
  request->random = input->random;
  __builtin_memcpy(request->source, input->source, sizeof(request->source));
  request->head_length = input->head_length;
  request->method_length = input->method_length;
  request->path = input->path;
  request->path_length = input->path_length;
  request->query = input->query;
  request->query_length = input->query_length;
  request->host = input->host;
  request->host_length = input->host_length;
  request->seen = 0;
  request->again = 0;
  request->reason = 0;
  bpf_loop((input->head_length + KM_HEAD_PAD) / KM_WORD_BYTES, km_copy_step, &slot, 0);
  bpf_loop(input->lines, km_line_step, &slot, 0);
  return !request->reason;
}

SEC("syscall")
int try_route(struct km_tried *tried)
{
  __u32 slot = KM_TRY_SLOT;
  struct km_try_input *input = bpf_map_lookup_elem(&km_try, &slot);
  struct km_request *request = km_scratch_at(&slot);
  if (!input || !request)
    return 1;
  if (!km_take_input(request, input)) {
    tried->verdict = KM_HTTP_SLOW;
    tried->reason = request->reason - 1;
    return 0;
  }
  __u64 begin = bpf_ktime_get_ns();
  if (tried->repeat > 1)
    bpf_loop((tried->repeat - 1) & (KM_TRY_REPEATS - 1), km_repeat_step, &slot, 0);
  tried->verdict = km_route(request);
  tried->nanoseconds = bpf_ktime_get_ns() - begin;
  tried->route = request->route;
  tried->action = request->action;
  tried->reason = request->reason;
  tried->state = request->state;
  return 0;
}
