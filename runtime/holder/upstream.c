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
/* Milliseconds in which a client can be accepted that has sent a request: TCP sends the end of a handshake that was lost again after one second. */
#define ACCEPTING 3000

__u64 timed_out, upstream_lost, relayed;
static struct moment look;
static __u64 sweeps;

static void look_at_all(void);

static void look_again(void)
{
  look.then = look_at_all;
  loop_soon(&look, LOOK_AGAIN);
}

/* Its socket is left alone until then. */
static void look_soon(struct upstream *upstream)
{
  loop_watch(&upstream->watch, 0);
  look_again();
}

static void hold_back(struct upstream *upstream, enum client_answer why, int in_order, __u32 before)
{
  upstream->held_back = 1;
  upstream->why = why;
  upstream->in_order = in_order;
  upstream->before = before;
  look_soon(upstream);
}

static int began_within(const struct km_upstream *row, __u64 milliseconds)
{
  return now_ns() < row->started + milliseconds * 1000000;
}

/* The client of this request has a connection, whose end here is not there yet: the kernel forwards requests as soon as the client's own end stands. */
static int is_to_be_accepted(const struct km_upstream *row, __u64 owner)
{
  return __atomic_load_n(&client_row(row->client)->cookie, __ATOMIC_ACQUIRE) == owner && began_within(row, ACCEPTING);
}

/*
 * A program is about to do something with it that decides what its end means: it has counted the request and says next whose it is, then finds HELD and takes all of it back;
 * or it sends the request. Or its client cannot be told yet.
 */
static int is_too_early(const struct km_upstream *row, __u32 flags, __u64 owner, const struct client *client)
{
  if (owner == 0) return __atomic_load_n(&row->counted, __ATOMIC_ACQUIRE) != 0;
  if (!(flags & KM_UPSTREAM_STARTED) && began_within(row, SENDING)) return 1;
  return client == NULL && is_to_be_accepted(row, owner);
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
  __u32 flags = __atomic_fetch_or(&row->flags, KM_UPSTREAM_HELD, __ATOMIC_SEQ_CST);
  /* a program that finds HELD says STARTED all the same, and sends nothing */
  __u32 before = upstream->held_back ? upstream->before : flags;
  __u64 owner = __atomic_load_n(&row->owner, __ATOMIC_SEQ_CST);
  struct client *client = owner ? client_met(owner) : NULL;
  struct km_client *shared = client ? client_row_of(client) : NULL;
  int until_close = row->phase == KM_RESPONSE_UNTIL_CLOSE && in_order;
  int bodiless = (flags & KM_UPSTREAM_BODILESS) != 0;
  __u64 cookie = upstream->cookie;
  if (is_too_early(row, before, owner, client)) {
    hold_back(upstream, why, in_order, before);
    return;
  }
  upstream->held_back = 0;
  if (owner == 0) {
    /* used up by a client that wanted its connection closed; the next one wants the same. The endpoint's end of it may be seen before the event that says so. */
    if (flags & KM_UPSTREAM_SPENT && row->requests > 0) pool_replace(upstream);
    pool_close(upstream);
    return;
  }
  if (shared && row->counted && !(before & KM_UPSTREAM_STARTED) && __atomic_load_n(&shared->upstream, __ATOMIC_ACQUIRE) == cookie &&
      try_again(upstream, row, why))
    return;
  int ours = release_place(row);
  if (client && ours) client_keep_edits(client, edits_of(row));
  pool_close(upstream);
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
    fail(upstream, upstream->why, upstream->in_order);
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
  __u64 owner = row->owner;
  struct client *client;
  struct km_holder_message message = {.kind = KM_HOLDER_RELAY, .upstream = upstream->cookie, .state = row->endpoint, .bytes = row->sent};
  int taken, whole = row->phase == KM_RESPONSE_HEAD;
  /* what was told may be over by now, or it has failed meanwhile */
  if (upstream->mode != UPSTREAM_MODE_OFFERED || upstream->held_back || owner == 0 || !(row->flags & KM_UPSTREAM_RELAY)) return;
  client = client_met(owner);
  if (client == NULL && is_to_be_accepted(row, owner)) {
    look_soon(upstream);
    return;
  }
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
  struct client *client = client_met(upstream_row(upstream->cookie)->owner);
  struct km_client *shared = client ? client_row_of(client) : NULL;
  __u64 cookie = upstream->cookie;
  upstream->owner = 0;
  if (reuse) {
    pool_release(upstream);
  } else {
    pool_drop(upstream);
  }
  if (shared == NULL || __atomic_load_n(&shared->upstream, __ATOMIC_ACQUIRE) != cookie) return;
  __atomic_store_n(&shared->upstream, 0, __ATOMIC_RELEASE);
  /* Node may have given it back before, and it may have asked for more */
  client_settle(client);
}

/* Programs tell it when they are done with it, or when its client has ended; by now it may have another one. */
void upstream_spent(struct upstream *upstream, __u64 client)
{
  struct km_upstream *row = upstream_row(upstream->cookie);
  if (upstream->mode == UPSTREAM_MODE_PUMPED && __atomic_load_n(&row->owner, __ATOMIC_ACQUIRE) == client) {
    pump_end_lost(upstream);
    return;
  }
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
  int idle = pool_is_idle(upstream);
  if (idle || upstream->swept + 1 != sweeps) upstream->since = 0;
  upstream->swept = sweeps;
  if (idle) return;
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
  sweeps++;
  pool_each(sweep_one);
}

static peer_id gone;

static void drop_lost(struct upstream *upstream)
{
  if (upstream->mode == UPSTREAM_MODE_HANDED && upstream->owner == gone) upstream_relayed(upstream, 0);
}

void upstream_lost_owner(peer_id owner)
{
  gone = owner;
  pool_each(drop_lost);
}
