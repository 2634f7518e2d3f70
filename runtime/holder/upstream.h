/* Answers that went wrong, and those that the kernel cannot frame. */
#pragma once
#include "pool.h"

extern __u64 timed_out, upstream_lost, relayed;

/* The kernel has left the answer of this one to user space */
void upstream_relay(struct upstream *upstream);
/* Node has relayed it, or gave up */
void upstream_relayed(struct upstream *upstream, int reuse);
/* The kernel will not use it again, or its client has ended */
void upstream_spent(struct upstream *upstream, __u64 client);
/* Every 100 ms: deadlines, clients that are gone, claims that nobody has */
void upstream_sweep(void);
/* The Node that had them is gone */
void upstream_lost_owner(peer_id owner);
