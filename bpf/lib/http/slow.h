/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * User space's share. In: a message of a client that the kernel does not decide. Out: the verdict that gives it to the acceptor, counted byte by byte.
 *
 * km_client.passed says with one word who has the connection and how much of it user space must have read before the kernel can have it again. Only this
 * program adds to it, under the socket lock; km_client_return takes the connection back with one exchange, which fails when a byte came in between.
 * Invariant: a pass does not cancel a redirect of the same message (kernel: sk_msg.sk_redir), so a connection that was ever redirected is given its own egress
 * instead: a second, denied request in one send would else follow the first one to its server.
 */
#pragma once
#include "../state.h"
#include "client-row.h"
#include "decided.h"

/* The message as it is, by TCP to the acceptor. */
static __always_inline int km_pass(struct sk_msg_md *msg, const struct km_client *client)
{
  if (!(client->flags & KM_CLIENT_REDIRECTED))
    return SK_PASS;
  __u64 cookie = client->cookie;
  return bpf_msg_redirect_hash(msg, &km_clients, &cookie, 0) == SK_PASS ? SK_PASS : SK_DROP;
}

#define KM_EXCHANGES 8

/* Counts a message that user space gets. 0: the connection has come back meanwhile. `slow` is what is or-ed in, 0 where it must be there already. */
static __always_inline int km_count_passed(struct km_client *client, __u32 bytes, __u64 slow)
{
#pragma unroll
  for (int i = 0; i < KM_EXCHANGES; i++) {
    __u64 passed = *(volatile __u64 *)&client->passed;
    if (!slow && !(passed & KM_CLIENT_SLOW))
      return 0;
    if (__sync_val_compare_and_swap(&client->passed, passed, (passed | slow) + bytes) == passed)
      return 1;
  }
  /* Who exchanges all the time is nobody we know. */
  __sync_fetch_and_or(&client->flags, KM_CLIENT_EARLY);
  __sync_fetch_and_or(&client->passed, KM_CLIENT_SLOW);
  return 1;
}

/* A fall of a request of this owner to user space: counted, and told to whoever listens. Global, so that it is verified once and not for each that falls. */
__noinline int km_note_fall(const struct km_client *client, __u32 owner, __u32 reason)
{
  km_count_under(owner, KM_SLOW_REASON_BASE + reason);
  return km_is_watched() ? km_tell_slow(client, owner, reason) : 0;
}

/*
 * From here on the connection is user space's. What was drawn for the request goes along: of each request it is decided once whether it is one of so many, and it takes a token once.
 * The message begins what user space reads next, as it has read all that was passed before.
 */
static __always_inline int km_fall_drawn(struct sk_msg_md *msg, struct km_client *client, __u32 owner, __u32 reason, __u32 drawn, __u64 random)
{
  client->reason = reason;
  client->random = random;
  client->drawn = drawn;
  km_note_fall(client, owner, reason);
  km_count_passed(client, msg->size, KM_CLIENT_SLOW);
  return km_pass(msg, client);
}

/* The same, with nothing decided. */
static __always_inline int km_fall(struct sk_msg_md *msg, struct km_client *client, __u32 owner, __u32 reason)
{
  return km_fall_drawn(msg, client, owner, reason, KM_DRAWN_NOTHING, 0);
}
