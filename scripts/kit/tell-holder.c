// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events for the holder from user space: BPF_PROG_TEST_RUN of a SEC("syscall") program. In: the event, as the context. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lib/abi.gen.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, KM_ENTRIES_EVENTS);
} km_events SEC(".maps");

SEC("syscall")
int km_tell(struct km_event *given)
{
  struct km_event *event = bpf_ringbuf_reserve(&km_events, sizeof(*event), 0);
  if (!event)
    return 1;
  __builtin_memcpy(event, given, sizeof(*event));
  bpf_ringbuf_submit(event, 0);
  return 0;
}
