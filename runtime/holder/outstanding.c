/*
 * A program that begins a request writes client and deadline and counts it before it says the owner (km_own); one that ends it takes the owner away before anybody can claim the upstream
 * (km_complete). So with the same owner and the same count before and behind, what is read in between is of that request.
 */
#include "outstanding.h"

int outstanding_read(const struct km_upstream *row, struct outstanding *seen)
{
  __u64 requests = __atomic_load_n(&row->requests, __ATOMIC_ACQUIRE);
  seen->owner = __atomic_load_n(&row->owner, __ATOMIC_ACQUIRE);
  __u64 deadline = __atomic_load_n(&row->deadline, __ATOMIC_ACQUIRE);
  __u32 client = __atomic_load_n(&row->client, __ATOMIC_ACQUIRE);
  seen->over = deadline && deadline < now_ns();
  seen->alone = __atomic_load_n(&client_row(client)->cookie, __ATOMIC_ACQUIRE) != seen->owner;
  return __atomic_load_n(&row->owner, __ATOMIC_ACQUIRE) == seen->owner && __atomic_load_n(&row->requests, __ATOMIC_ACQUIRE) == requests;
}
