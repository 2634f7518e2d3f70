/*
 * Accepted connections. In the fast lane nothing ever comes here: requests and replies are redirected past this socket. It becomes readable
 * when the kernel passes bytes (user space's turn), when a client writes what no program saw, and when the client closes.
 * Invariants: a connection is handed over only after every byte that the kernel had for it is in TCP, so that nothing overtakes; it is back in the fast
 * lane only when user space has read as many bytes as the kernel has passed (km_client_return says so).
 */
#include "client.h"
#include "fence.h"
#include "listener.h"
#include "pump.h"
#include "reply.h"
#include "upstream.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <sys/epoll.h>

#define BUCKETS (1 << 15)
/* Milliseconds for what a server's own send() moves to the client's queue; it tells nobody when it has. */
#define QUIET (KM_BUSY_TIME / 1000000)
/* The same before the end of the connection, behind which nothing can be read. */
#define QUIET_BEFORE_END 250
#define LOOK_AGAIN 2
/* Milliseconds that a client has to read the end of what was written, as Envoy's delayed_close_timeout. */
#define LINGER 1000

struct client_list clients_by_mode[CLIENT_MODES];
static struct client *buckets[BUCKETS];
static unsigned count;
static int draining;
static struct moment look;

static void linger(struct client *client);

unsigned client_count(void)
{
  return count;
}

struct client *client_find(__u64 cookie)
{
  struct client *client = buckets[cookie % BUCKETS];
  while (client && client->cookie != cookie) client = client->same;
  return client;
}

struct client *client_met(__u64 cookie)
{
  struct client *client = client_find(cookie);
  if (client) return client;
  listener_accept_all();
  return client_find(cookie);
}

struct km_client *client_row_of(const struct client *client)
{
  struct km_client *row = client_row(client->row);
  return __atomic_load_n(&row->cookie, __ATOMIC_ACQUIRE) == client->cookie ? row : NULL;
}

int client_has_kernel_bytes(const struct client *client, struct km_client *row)
{
  __u64 egress = __atomic_load_n(&row->egress, __ATOMIC_ACQUIRE);
  if (egress == 0) return 0;
  if (bytes_written(client->watch.fd) < egress + client->own) return 1;
  /* a program may count bytes of its own meanwhile: then it stays less than it is, and is looked at again */
  __atomic_store_n(&row->settled, egress, __ATOMIC_RELEASE);
  return 0;
}

/* What was put into its receive queue, past TCP, is there for certain only so many milliseconds later */
static int is_queueing(const struct km_client *row, uint64_t milliseconds)
{
  __u64 queued = __atomic_load_n(&row->queued, __ATOMIC_ACQUIRE);
  return queued && now_ms() < queued / 1000000 + milliseconds;
}

int client_would_be_overtaken(struct client *client, struct km_client *row)
{
  if (fence_is_needed(row)) {
    fence_send(client, row);
    return 1;
  }
  return client_has_kernel_bytes(client, row) || (row->flags & KM_CLIENT_PIPELINING && is_queueing(row, QUIET));
}

static void move(struct client *client, enum client_mode mode)
{
  if (client->mode == mode) return;
  TAILQ_REMOVE(&clients_by_mode[client->mode], client, link);
  client->mode = mode;
  TAILQ_INSERT_TAIL(&clients_by_mode[mode], client, link);
}

static void finish(struct client *client, int reset)
{
  struct client **link = &buckets[client->cookie % BUCKETS];
  struct km_client *row = client_row_of(client);
  if (client->pump) pump_abandon(client);
  while (*link != client) link = &(*link)->same;
  *link = client->same;
  TAILQ_REMOVE(&clients_by_mode[client->mode], client, link);
  if (row) __atomic_store_n(&row->acceptor, 0, __ATOMIC_RELEASE);
  if (reset) make_reset(client->watch.fd);
  /* with a copy that Node has, close() alone would say nothing */
  if (!reset && client->watch.shared) shutdown(client->watch.fd, SHUT_RDWR);
  client_keep_edits(client, NULL);
  loop_close(&client->watch);
  count--;
}

/* From here on answers go by TCP, as the end of the connection will. The one before may be on its way into the client's receive queue. */
static void keep_order(struct client *client)
{
  struct km_client *row = client_row_of(client);
  if (row == NULL) return;
  __atomic_fetch_or(&row->flags, KM_CLIENT_ORDERED, __ATOMIC_ACQ_REL);
  client->overlapped = 1;
}

/* Its socket was closed: nobody waits for what is on its way into its queue. An answer that is outstanding is waited for, so that its upstream can be used again. */
static int is_gone(const struct client *client)
{
  const struct km_client *row = client_row_of(client);
  if (row == NULL) return 1;
  return __atomic_load_n(&row->flags, __ATOMIC_ACQUIRE) & KM_CLIENT_GONE && __atomic_load_n(&row->upstream, __ATOMIC_ACQUIRE) == 0;
}

static void client_ready(struct watch *watch, uint32_t events)
{
  struct client *client = (struct client *)watch;
  char byte;
  ssize_t got;
  if (client->mode == CLIENT_MODE_LINGERING) {
    linger(client);
    return;
  }
  if (client->pump) {
    pump_client_ready(client);
    return;
  }
  if (client->mode != CLIENT_MODE_FAST) return;
  got = recv(watch->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    if (events & (EPOLLHUP | EPOLLERR)) finish(client, 1);
    return;
  }
  if (got < 0) {
    finish(client, 1);
    return;
  }
  if (got == 0 && is_gone(client)) {
    finish(client, 0);
    return;
  }
  if (got == 0) client->ended = 1;
  if (events & EPOLLRDHUP) client->ended = 1;
  if (client->ended) keep_order(client);
  loop_watch(watch, 0);
  move(client, got == 0 ? CLIENT_MODE_ENDING : CLIENT_MODE_WAITING);
  client_settle(client);
}

void client_accept(int fd, struct space *space, const struct sockaddr_storage *from)
{
  struct km_client_address_key key = {.netns = space->cookie};
  struct km_client_place place;
  struct client *client;
  struct km_client *row;
  __u64 value = fd, zero = 0;
  address_of_socket(from, key.address, &key.port);
  /* whoever is not there dialled this port by itself, or has gone already */
  if (draining || bpf_map_lookup_and_delete_elem(map_client_by_address, &key, &place) != 0) {
    close(fd);
    return;
  }
  client = calloc(1, sizeof(*client));
  client->watch.fd = fd;
  client->watch.ready = client_ready;
  client->cookie = place.cookie;
  client->row = place.row;
  client->space = space;
  client->mode = CLIENT_MODE_FAST;
  memcpy(client->source, key.address, 16);
  client->source_port = key.port;
  client->same = buckets[client->cookie % BUCKETS];
  buckets[client->cookie % BUCKETS] = client;
  TAILQ_INSERT_TAIL(&clients_by_mode[CLIENT_MODE_FAST], client, link);
  count++;
  row = client_row_of(client);
  if (row) {
    memcpy(client->asked, row->asked, 16);
    client->asked_port = row->asked_port;
  }
  if (bpf_map_update_elem(map_acceptors, &client->cookie, &value, BPF_ANY) != 0) {
    if (errno != EOPNOTSUPP) say("km_acceptors: %m");
  } else if (row) {
    __atomic_compare_exchange_n(&row->acceptor, &zero, 1, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
  }
  loop_watch(&client->watch, EPOLLIN | EPOLLRDHUP);
}

enum rest { REST_NONE, REST_SOON, REST_FENCE, REST_ANSWER };

/* What the kernel still has under way for it: an answer, or bytes between its queues and TCP. */
static enum rest rest_of(struct client *client, struct km_client *row)
{
  if (__atomic_load_n(&row->upstream, __ATOMIC_ACQUIRE) != 0) {
    client->overlapped = 1;
    return REST_ANSWER;
  }
  if (fence_is_needed(row)) return fence_send(client, row) ? REST_SOON : REST_FENCE;
  if (client_has_kernel_bytes(client, row)) return REST_SOON;
  if (!client->overlapped && row->reason != KM_SLOW_PIPELINED) return REST_NONE;
  return is_queueing(row, client->mode == CLIENT_MODE_ENDING ? QUIET_BEFORE_END : QUIET) ? REST_SOON : REST_NONE;
}

static void hand_over(struct client *client, struct km_client *row, struct km_holder_message *message, int upstream)
{
  /* in this order: bytes are counted before they are sent */
  __u64 received = bytes_received(client->watch.fd);
  __u64 passed = __atomic_load_n(&row->passed, __ATOMIC_ACQUIRE) & ~KM_CLIENT_SLOW;
  message->connection = client->cookie;
  message->netns = client->space->cookie;
  message->bytes = client->read;
  message->count = client->row;
  message->port = client->asked_port;
  message->source_port = client->source_port;
  message->reason = row->reason;
  memcpy(message->address, client->asked, 16);
  memcpy(message->source, client->source, 16);
  /* of a request that is tried again the upstream is let go of long before the answer is there: what the client sends meanwhile is not the kernel's */
  if (message->kept) __atomic_fetch_or(&row->passed, KM_CLIENT_SLOW, __ATOMIC_ACQ_REL);
  if (received > passed) {
    __atomic_fetch_or(&row->flags, KM_CLIENT_EARLY, __ATOMIC_ACQ_REL);
    __atomic_fetch_or(&row->passed, KM_CLIENT_SLOW, __ATOMIC_ACQ_REL);
  }
  if (__atomic_load_n(&row->flags, __ATOMIC_ACQUIRE) & (KM_CLIENT_EARLY | KM_CLIENT_MANUAL)) message->flags |= KM_HOLDER_CONNECTION_EARLY;
  if (client->ended) message->flags |= KM_HOLDER_CONNECTION_ENDED;
  /* what user space writes is in TCP, which the ingress queue would overtake */
  __atomic_fetch_or(&row->flags, KM_CLIENT_ORDERED, __ATOMIC_ACQ_REL);
  if (message->kind == KM_HOLDER_CONNECTION) {
    message->drawn = row->drawn;
    message->random = row->random;
  }
  /* told once: what comes later is another request */
  row->drawn = KM_DRAWN_NOTHING;
  client->owner = control_serving();
  client->overlapped = 0;
  loop_watch(&client->watch, 0);
  client->watch.shared = 1;
  move(client, CLIENT_MODE_HANDED);
  if (upstream >= 0) {
    control_send(client->owner, message, upstream, client->watch.fd);
  } else {
    control_send(client->owner, message, client->watch.fd, NO_FD);
  }
}

static void settle_all(enum client_mode mode)
{
  struct client *client, *next;
  for (client = TAILQ_FIRST(&clients_by_mode[mode]); client; client = next) {
    next = TAILQ_NEXT(client, link);
    client_settle(client);
  }
}

/* whether an answer waits for bytes of the kernel */
static int answers_wait;

static void look_again(void)
{
  int wait = answers_wait;
  answers_wait = 0;
  if (wait) settle_all(CLIENT_MODE_FAST);
  settle_all(CLIENT_MODE_WAITING);
  settle_all(CLIENT_MODE_ENDING);
}

static void later(void)
{
  look.then = look_again;
  loop_soon(&look, LOOK_AGAIN);
}

static int is_closing(struct km_client *row)
{
  return (__atomic_load_n(&row->flags, __ATOMIC_ACQUIRE) & KM_CLIENT_CLOSING) != 0;
}

/* 1: the connection is no more */
static int answer(struct client *client, struct km_client *row)
{
  enum client_answer what = client->answer;
  if (row && client_would_be_overtaken(client, row)) {
    answers_wait = 1;
    later();
    return 0;
  }
  client->answer = ANSWER_NONE;
  if (what == ANSWER_CLOSE || what == ANSWER_RESET || row == NULL) {
    client_end(client, what == ANSWER_RESET);
    return 1;
  }
  __atomic_fetch_or(&row->flags, KM_CLIENT_ORDERED, __ATOMIC_ACQ_REL);
  struct reply_manner manner = {.bodiless = client->bodiless, .last = is_closing(row), .edits = client->edits};
  ssize_t sent = what == ANSWER_TIMEOUT ? reply_timeout(client->watch.fd, &manner) : reply_lost(client->watch.fd, &manner);
  if (sent < 0) {
    finish(client, 1);
    return 1;
  }
  client->own += sent;
  __atomic_store_n(&row->upstream, 0, __ATOMIC_RELEASE);
  if (!is_closing(row)) return 0;
  client_end(client, 0);
  return 1;
}

void client_settle(struct client *client)
{
  struct km_client *row = client_row_of(client);
  enum rest rest;
  if (client->mode == CLIENT_MODE_HANDED || client->mode == CLIENT_MODE_LINGERING) return;
  if (client->answer != ANSWER_NONE && answer(client, row)) return;
  if (client->answer != ANSWER_NONE || client->mode == CLIENT_MODE_FAST) return;
  if (row == NULL) {
    finish(client, 0);
    return;
  }
  /* what came behind its last request is nobody's */
  if (client->mode == CLIENT_MODE_WAITING && is_closing(row)) {
    client->overlapped = 1;
    move(client, CLIENT_MODE_ENDING);
  }
  rest = rest_of(client, row);
  if (rest == REST_SOON) later();
  if (rest != REST_NONE) return;
  if (client->mode == CLIENT_MODE_ENDING) {
    if (client->ended) {
      finish(client, 0);
    } else {
      client_end(client, 0);
    }
    return;
  }
  if (control_serving()) {
    struct km_holder_message message = {.kind = KM_HOLDER_CONNECTION};
    hand_over(client, row, &message, NO_FD);
  } else {
    move(client, CLIENT_MODE_QUEUED);
  }
}

/* Whatever waited for it goes on */
void client_arrived(struct client *client)
{
  struct km_client *row = client_row_of(client);
  struct upstream *upstream;
  upstream = row ? pool_upstream(__atomic_load_n(&row->upstream, __ATOMIC_ACQUIRE)) : NULL;
  if (upstream && __atomic_load_n(&upstream_row(upstream->cookie)->flags, __ATOMIC_ACQUIRE) & KM_UPSTREAM_RELAY) {
    upstream_relay(upstream);
  } else {
    client_settle(client);
  }
}

void client_answered(struct client *client, int last)
{
  if (last && client->mode == CLIENT_MODE_FAST) {
    /* what the kernel has put into the client's queue must not meet the end of the connection there */
    client->overlapped = 1;
    loop_watch(&client->watch, 0);
    move(client, CLIENT_MODE_ENDING);
  }
  client_settle(client);
}

int client_relay(struct client *client, struct km_holder_message *message, int upstream)
{
  struct km_client *row = client_row_of(client);
  if (row == NULL || client->mode == CLIENT_MODE_HANDED || !control_serving()) return 0;
  if (client_would_be_overtaken(client, row)) return 0;
  hand_over(client, row, message, upstream);
  return 1;
}

void client_fail(struct client *client, enum client_answer answer, int bodiless)
{
  client->answer = answer;
  client->bodiless = bodiless;
  client_settle(client);
}

void client_keep_edits(struct client *client, const struct km_edits *edits)
{
  free(client->edits);
  client->edits = NULL;
  if (edits == NULL) return;
  client->edits = malloc(edits->rows * KM_HTTP_ROW_SIZE);
  memcpy(client->edits, edits, edits->rows * KM_HTTP_ROW_SIZE);
}

void client_resume(struct client *client)
{
  loop_watch(&client->watch, client->mode == CLIENT_MODE_FAST ? EPOLLIN | EPOLLRDHUP : 0);
}

void client_requeue(struct client *client)
{
  move(client, CLIENT_MODE_WAITING);
  client_settle(client);
}

void client_returned(struct client *client, __u64 read, __u64 written)
{
  struct km_client *row = client_row_of(client);
  client->read += read;
  client->own += written;
  client->owner = 0;
  if (row == NULL) {
    finish(client, 0);
    return;
  }
  if (draining || is_closing(row)) {
    /* the kernel may have had its last request, and the answer is under way */
    client->overlapped = 1;
    move(client, CLIENT_MODE_ENDING);
    client_settle(client);
    return;
  }
  move(client, CLIENT_MODE_FAST);
  /* Node may have taken it back already; where nobody does, more bytes are here or on the way, and the socket becomes readable */
  if (__atomic_load_n(&row->passed, __ATOMIC_ACQUIRE) & KM_CLIENT_SLOW && !(row->flags & KM_CLIENT_EARLY))
    run_client_return(client->cookie, client->row, client->read);
  loop_watch(&client->watch, EPOLLIN | EPOLLRDHUP);
  /* Node gives it back to the kernel first, and says so here then: an answer of the kernel may have been lost meanwhile */
  client_settle(client);
}

/* In order: the client gets everything that was written, then the end. What it sends meanwhile is thrown away, as a close() upon it would be a reset. */
void client_end(struct client *client, int reset)
{
  struct km_client *row = client_row_of(client);
  if (reset || row == NULL || client->ended) {
    finish(client, reset);
    return;
  }
  __atomic_fetch_or(&row->passed, KM_CLIENT_SLOW, __ATOMIC_ACQ_REL);
  shutdown(client->watch.fd, SHUT_WR);
  client->lingers = now_ms();
  move(client, CLIENT_MODE_LINGERING);
  loop_watch(&client->watch, EPOLLIN | EPOLLRDHUP);
}

static void linger(struct client *client)
{
  char discarded[16384];
  ssize_t got;
  do got = recv(client->watch.fd, discarded, sizeof(discarded), MSG_DONTWAIT);
  while (got > 0);
  if (got == 0 || (errno != EAGAIN && errno != EINTR)) finish(client, 0);
}

void client_sweep(void)
{
  struct client *client, *next;
  look_again();
  for (client = TAILQ_FIRST(&clients_by_mode[CLIENT_MODE_LINGERING]); client; client = next) {
    next = TAILQ_NEXT(client, link);
    if (now_ms() - client->lingers >= LINGER) finish(client, 0);
  }
}

/*
 * Whoever ends an upstream tells its client. This is for a client that was told nothing all the same: it would wait for ever. A program may be about to say what became of
 * the request: it has until the next look.
 */
static void end_orphans(enum client_mode mode)
{
  struct client *client, *next;
  for (client = TAILQ_FIRST(&clients_by_mode[mode]); client; client = next) {
    struct km_client *row = client_row_of(client);
    __u64 upstream = row ? __atomic_load_n(&row->upstream, __ATOMIC_ACQUIRE) : 0;
    int missed = upstream > KM_HOLDER_MARK && pool_upstream(upstream) == NULL && client->answer == ANSWER_NONE && !client->pump;
    next = TAILQ_NEXT(client, link);
    if (missed && client->missed == upstream) {
      say("client %llu waited for upstream %llu, which is no more", (unsigned long long)client->cookie, (unsigned long long)upstream);
      client_end(client, 1);
    } else {
      client->missed = missed ? upstream : 0;
    }
  }
}

void client_tend(void)
{
  struct client *client, *next;
  end_orphans(CLIENT_MODE_FAST);
  end_orphans(CLIENT_MODE_WAITING);
  end_orphans(CLIENT_MODE_ENDING);
  for (client = TAILQ_FIRST(&clients_by_mode[CLIENT_MODE_FAST]); client; client = next) {
    struct km_client *row = client_row_of(client);
    int closing = row && is_closing(row) && __atomic_load_n(&row->upstream, __ATOMIC_ACQUIRE) == 0 && client->answer == ANSWER_NONE && !client->pump;
    next = TAILQ_NEXT(client, link);
    /* a program may be about to send it: it has until the next look */
    if (closing && client->closing) {
      client_answered(client, 1);
      continue;
    }
    client->closing = closing;
    client_settle(client);
  }
}

void client_drain(void)
{
  struct client *client, *next;
  char byte;
  draining = 1;
  for (client = TAILQ_FIRST(&clients_by_mode[CLIENT_MODE_FAST]); client; client = next) {
    next = TAILQ_NEXT(client, link);
    /* from here on requests come here, and none is lost in between */
    struct km_client *row = client_row_of(client);
    if (row) __atomic_fetch_or(&row->passed, KM_CLIENT_SLOW, __ATOMIC_ACQ_REL);
    /* what waits for the client to read goes on when it does */
    if (!client->pump) loop_watch(&client->watch, 0);
    move(client, recv(client->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0 ? CLIENT_MODE_WAITING : CLIENT_MODE_ENDING);
    client_settle(client);
  }
}

void client_open(void)
{
  for (int mode = 0; mode < CLIENT_MODES; mode++) TAILQ_INIT(&clients_by_mode[mode]);
}
