/*
 * What happens to a request that was forwarded, when no program can deal with it: the endpoint closed, the time is over, the client is gone, the answer
 * cannot be framed. Invariants: programs and holder agree by KM_UPSTREAM_HELD and KM_UPSTREAM_STARTED, each set with an atomic or whose old value says
 * whether the other was first; so a client never gets both an answer of the endpoint and one of ours. Whoever exchanges `counted` to 0 ends the request: a program that finds HELD before
 * it has sent the request has a while to do so.
 */
#include "upstream.h"
#include "edit.h"
#include "outstanding.h"
#include "pump.h"
#include <errno.h>
#include <sys/epoll.h>

/* Milliseconds after which a claim that no request followed is taken back. */
#define CLAIM_LOST 2000
#define LOOK_AGAIN 2
/* Milliseconds in which a request that got an upstream is sent, or not. */
#define SENDING 20

__u64 timed_out, upstream_lost, relayed;
static struct moment look;

static void look_at_all(void);

static void look_again(void)
{
  look.then = look_at_all;
  loop_soon(&look, LOOK_AGAIN);
}

/* A request that may be tried again is Node's, while there is one: it is told why there is no answer. */
static int try_again(struct upstream *upstream, struct km_upstream *row, enum client_answer why)
{
  if (row->kept == 0 || !control_serving() || (why != ANSWER_LOST && why != ANSWER_TIMEOUT)) return 0;
  upstream->want = why == ANSWER_LOST ? KM_HOLDER_CONNECTION_LOST : KM_HOLDER_CONNECTION_LATE;
  if (why == ANSWER_TIMEOUT) timed_out++;
  if (why == ANSWER_LOST) upstream_lost++;
  row->phase = KM_RESPONSE_HEAD;
  __atomic_fetch_or(&row->flags, KM_UPSTREAM_RELAY, __ATOMIC_ACQ_REL);
  upstream_relay(upstream);
  return 1;
}

/* Ends the request of an upstream that is of no more use, and the upstream. `why`: what the client is told when nothing of an answer went to it. */
static void fail(struct upstream *upstream, enum client_answer why, int in_order)
{
  struct km_upstream *row = upstream_row(upstream->cookie);
  __u32 before = __atomic_fetch_or(&row->flags, KM_UPSTREAM_HELD, __ATOMIC_SEQ_CST);
  __u64 owner = __atomic_load_n(&row->owner, __ATOMIC_SEQ_CST);
  struct client *client = owner ? client_met(owner) : NULL;
  struct km_client *shared = client ? client_row_of(client) : NULL;
  int until_close = row->phase == KM_RESPONSE_UNTIL_CLOSE && in_order;
  int bodiless = (before & KM_UPSTREAM_BODILESS) != 0;
  __u64 cookie = upstream->cookie;
  if (owner && !(before & KM_UPSTREAM_STARTED) && now_ns() < row->started + SENDING * 1000000ULL) {
    upstream->held_back = 1;
    loop_watch(&upstream->watch, 0);
    look_again();
    return;
  }
  /* used up by a client that wanted its connection closed; the next one wants the same. The endpoint's end of it may be seen before the event that says so. */
  if (owner == 0 && before & KM_UPSTREAM_SPENT && row->requests > 0) pool_replace(upstream);
  if (shared && row->counted && !(before & KM_UPSTREAM_STARTED) && __atomic_load_n(&shared->upstream, __ATOMIC_ACQUIRE) == cookie &&
      try_again(upstream, row, why))
    return;
  int ours = release_place(row);
  if (client && ours) client_keep_edits(client, edits_of(row));
  pool_drop(upstream);
  /* answered in full a moment ago, or never sent: the client has moved on */
  if (!ours || shared == NULL || __atomic_load_n(&shared->upstream, __ATOMIC_ACQUIRE) != cookie) return;
  if (before & KM_UPSTREAM_STARTED) why = until_close ? ANSWER_CLOSE : ANSWER_RESET;
  if (why == ANSWER_TIMEOUT) timed_out++;
  if (why == ANSWER_LOST) upstream_lost++;
  client_fail(client, why, bodiless);
}

void upstream_ready(struct watch *watch, uint32_t events)
{
  struct upstream *upstream = (struct upstream *)watch;
  char byte;
  ssize_t got;
  if (upstream->mode != UPSTREAM_MODE_OFFERED) return;
  got = recv(watch->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR) && !(events & (EPOLLHUP | EPOLLERR))) return;
  if (pool_take(upstream)) {
    /* it was idle: the endpoint closed it, or said what nobody asked for */
    pool_drop(upstream);
  } else if (got <= 0) {
    fail(upstream, ANSWER_LOST, got == 0);
  } else if (__atomic_load_n(&upstream_row(upstream->cookie)->flags, __ATOMIC_ACQUIRE) & KM_UPSTREAM_RELAY) {
    upstream_relay(upstream);
  } else {
    upstream->stalled = 1;
    loop_watch(watch, 0);
  }
}

static void look_at(struct upstream *upstream)
{
  struct km_upstream *row = upstream_row(upstream->cookie);
  if (upstream->mode != UPSTREAM_MODE_OFFERED) return;
  if (upstream->held_back) {
    upstream->held_back = 0;
    fail(upstream, ANSWER_LOST, 0);
  } else if (row->owner && row->flags & KM_UPSTREAM_RELAY) {
    upstream_relay(upstream);
  }
}

static void look_at_all(void)
{
  pool_each(look_at);
}

void upstream_relay(struct upstream *upstream)
{
  struct km_upstream *row = upstream_row(upstream->cookie);
  struct client *client = client_met(row->owner);
  struct km_holder_message message = {.kind = KM_HOLDER_RELAY, .upstream = upstream->cookie, .state = row->endpoint, .bytes = row->sent};
  int taken, whole = row->phase == KM_RESPONSE_HEAD;
  /* what was told may be over by now */
  if (upstream->mode != UPSTREAM_MODE_OFFERED || row->owner == 0 || !(row->flags & KM_UPSTREAM_RELAY)) return;
  if (client == NULL || client_row_of(client) == NULL) {
    pool_drop(upstream);
    return;
  }
  __atomic_fetch_or(&row->flags, KM_UPSTREAM_HELD, __ATOMIC_ACQ_REL);
  if (row->flags & KM_UPSTREAM_BODILESS) message.flags |= KM_HOLDER_CONNECTION_BODILESS;
  if (row->flags & KM_UPSTREAM_LAST) message.flags |= KM_HOLDER_CONNECTION_LAST;
  if (edits_of(row)) message.number = row->edit;
  message.flags |= upstream->want;
  message.kept = row->kept;
  taken = whole ? client_relay(client, &message, upstream->watch.fd) : pump_begin(upstream, client);
  if (!taken) {
    loop_watch(&upstream->watch, 0);
    /* bytes of the kernel are still on their way to the client, or there is no Node */
    if (control_serving() || !whole) look_again();
    return;
  }
  if (whole) {
    loop_watch(&upstream->watch, 0);
    relayed++;
    upstream->watch.shared = 1;
    upstream->mode = UPSTREAM_MODE_HANDED;
    upstream->owner = client->owner;
  }
}

void upstream_relayed(struct upstream *upstream, int reuse)
{
  struct km_upstream *row = upstream_row(upstream->cookie);
  struct client *client = client_met(row->owner);
  struct km_client *shared = client ? client_row_of(client) : NULL;
  __u64 cookie = upstream->cookie;
  upstream->owner = 0;
  if (reuse) {
    pool_release(upstream);
  } else {
    pool_drop(upstream);
  }
  if (shared && __atomic_load_n(&shared->upstream, __ATOMIC_ACQUIRE) == cookie) __atomic_store_n(&shared->upstream, 0, __ATOMIC_RELEASE);
}

/* Programs tell it when they are done with it, or when its client has ended; by now it may have another one. */
void upstream_spent(struct upstream *upstream, __u64 client)
{
  struct km_upstream *row = upstream_row(upstream->cookie);
  if (upstream->mode == UPSTREAM_MODE_PUMPED && __atomic_load_n(&row->owner, __ATOMIC_ACQUIRE) == client) pump_end_lost(upstream);
  if (upstream->mode != UPSTREAM_MODE_OFFERED || upstream->held_back) return;
  /* in the midst of an answer its client is told; behind one, it has moved on */
  if (row->flags & KM_UPSTREAM_SPENT) {
    fail(upstream, ANSWER_LOST, 0);
  } else if (__atomic_load_n(&row->owner, __ATOMIC_ACQUIRE) == client) {
    fail(upstream, ANSWER_RESET, 0);
  }
}

static void sweep_one(struct upstream *upstream)
{
  struct km_upstream *row = upstream_row(upstream->cookie);
  struct outstanding seen;
  int steady = outstanding_read(row, &seen);
  if (upstream->mode == UPSTREAM_MODE_PUMPED && steady && (seen.over || seen.alone)) {
    pump_end_lost(upstream);
    return;
  }
  if (upstream->mode != UPSTREAM_MODE_OFFERED || upstream->held_back) return;
  if (pool_is_idle(upstream)) {
    upstream->since = 0;
    return;
  }
  if (upstream->stalled) {
    upstream->stalled = 0;
    loop_watch(&upstream->watch, UPSTREAM_EVENTS);
  }
  /* an event that said so may be lost */
  if (row->flags & KM_UPSTREAM_SPENT) {
    fail(upstream, ANSWER_LOST, 0);
    return;
  }
  if (!steady) {
    upstream->since = 0;
    return;
  }
  if (seen.owner == 0) {
    if (upstream->since == 0) upstream->since = now_ms();
    if (now_ms() - upstream->since > CLAIM_LOST) pool_release(upstream);
    return;
  }
  upstream->since = 0;
  if (seen.alone) {
    fail(upstream, ANSWER_NONE, 0);
    return;
  }
  if (row->flags & KM_UPSTREAM_RELAY) {
    upstream_relay(upstream);
    return;
  }
  if (seen.over) fail(upstream, ANSWER_TIMEOUT, 0);
}

void upstream_sweep(void)
{
  pool_each(sweep_one);
}

static peer_id gone;

static void drop_lost(struct upstream *upstream)
{
  if (upstream->mode == UPSTREAM_MODE_HANDED && upstream->owner == gone) pool_drop(upstream);
}

void upstream_lost_owner(peer_id owner)
{
  gone = owner;
  pool_each(drop_lost);
}
