/*
 * One answer's rest, from the upstream's socket to the client's: read, framed, written, with one buffer. Where the client does not read, the buffer stays
 * full, the upstream is not read, and TCP stops the endpoint. Invariant: no byte behind the end of the answer is written.
 */
#include "pump.h"
#include "body-end.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define ROOM (256 << 10)

struct pump {
  struct upstream *upstream;
  struct client *client;
  size_t from, to;
  int complete; /* the buffer holds the last byte */
  char bytes[ROOM];
};

static void watch_both(struct pump *pump)
{
  int full = pump->to > pump->from;
  loop_watch(&pump->upstream->watch, full ? 0 : EPOLLIN | EPOLLRDHUP);
  loop_watch(&pump->client->watch, full ? EPOLLOUT : 0);
}

/* The answer is out, or will never be: the client goes on, or learns that it broke. */
static void end(struct pump *pump, int whole, int reuse)
{
  struct upstream *upstream = pump->upstream;
  struct client *client = pump->client;
  struct km_client *row = client_row_of(client);
  __u64 cookie = upstream->cookie;
  /* the client wants its connection closed behind it */
  if (upstream_row(cookie)->flags & KM_UPSTREAM_LAST) reuse = 0;
  client->pump = NULL;
  upstream->pump = NULL;
  free(pump);
  upstream->mode = UPSTREAM_MODE_OFFERED;
  upstream->watch.ready = upstream_ready;
  if (reuse) {
    pool_release(upstream);
  } else {
    pool_drop(upstream);
  }
  client_resume(client);
  if (!whole) {
    client_fail(client, ANSWER_RESET, 0);
  } else if (!reuse) {
    client_fail(client, ANSWER_CLOSE, 0);
  } else {
    if (row && __atomic_load_n(&row->upstream, __ATOMIC_ACQUIRE) == cookie) __atomic_store_n(&row->upstream, 0, __ATOMIC_RELEASE);
    client_settle(client);
  }
}

/* 0: the buffer is empty; 1: the client reads no faster; -1: the answer has ended, one way or the other */
static int write_out(struct pump *pump)
{
  while (pump->from < pump->to) {
    ssize_t sent = send(pump->client->watch.fd, pump->bytes + pump->from, pump->to - pump->from, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return 1;
    if (sent < 0) {
      end(pump, 0, 0);
      return -1;
    }
    pump->from += sent;
    pump->client->own += sent;
  }
  pump->from = pump->to = 0;
  if (!pump->complete) return 0;
  end(pump, 1, 1);
  return -1;
}

static void move(struct pump *pump)
{
  for (int turn = 0; turn < 4; turn++) {
    struct km_upstream *row = upstream_row(pump->upstream->cookie);
    int stopped = write_out(pump);
    ssize_t got;
    if (stopped < 0) return;
    if (stopped) break;
    got = recv(pump->upstream->watch.fd, pump->bytes, ROOM, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (got <= 0) {
      end(pump, got == 0 && row->phase == KM_RESPONSE_UNTIL_CLOSE, 0);
      return;
    }
    row->sent += got;
    pump->to = body_end(row, (const __u8 *)pump->bytes, got, &pump->complete);
    if (pump->to < (size_t)got || (pump->to == 0 && !pump->complete)) {
      /* bytes behind the end, or a chunk that is none */
      end(pump, 0, 0);
      return;
    }
  }
  watch_both(pump);
}

static void upstream_pumped(struct watch *watch, uint32_t events)
{
  (void)events;
  move(((struct upstream *)watch)->pump);
}

void pump_client_ready(struct client *client)
{
  move(client->pump);
}

void pump_abandon(struct client *client)
{
  struct pump *pump = client->pump;
  struct upstream *upstream = pump->upstream;
  client->pump = NULL;
  upstream->pump = NULL;
  free(pump);
  pool_drop(upstream);
}

int pump_begin(struct upstream *upstream, struct client *client)
{
  struct km_client *row = client_row_of(client);
  struct pump *pump;
  if (row == NULL || client->pump || client->mode == CLIENT_MODE_HANDED || client_has_kernel_bytes(client, row)) return 0;
  __atomic_fetch_or(&row->flags, KM_CLIENT_ORDERED, __ATOMIC_ACQ_REL);
  pump = calloc(1, sizeof(*pump));
  pump->upstream = upstream;
  pump->client = client;
  client->pump = pump;
  upstream->pump = pump;
  upstream->mode = UPSTREAM_MODE_PUMPED;
  upstream->watch.ready = upstream_pumped;
  watch_both(pump);
  return 1;
}
