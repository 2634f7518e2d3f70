/*
 * One answer's rest, from the upstream's socket to the client's: read, framed, written, with one buffer. Where the client does not read, the buffer stays
 * full, the upstream is not read, and TCP stops the endpoint. Invariant: no byte behind the end of the answer is written.
 */
#define _GNU_SOURCE
#include "pump.h"
#include "body-end.h"
#include "edit.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define ROOM (256 << 10)
/* A head that the programs have read, and what edits make of it */
#define HEAD_ROOM 8192

struct pump {
  struct upstream *upstream;
  struct client *client;
  size_t from, to;
  int complete; /* the buffer holds the last byte */
  int surplus;  /* the upstream said more than that */
  int heading;  /* the head comes first, which is to be edited */
  char bytes[ROOM];
};

static void watch_both(struct pump *pump)
{
  int full = pump->to > pump->from;
  loop_watch(&pump->upstream->watch, full ? 0 : EPOLLIN | EPOLLRDHUP);
  loop_watch(&pump->client->watch, full ? EPOLLOUT : 0);
}

enum pump_end {
  PUMP_KEPT,  /* the answer is out: client and upstream go on */
  PUMP_SPENT, /* the answer is out, the upstream is of no more use */
  PUMP_LAST,  /* the answer is out, and nothing can follow it */
  PUMP_BROKEN /* it will never be whole: the client learns that it broke */
};

static void end(struct pump *pump, enum pump_end how)
{
  struct upstream *upstream = pump->upstream;
  struct client *client = pump->client;
  struct km_client *row = client_row_of(client);
  __u64 cookie = upstream->cookie;
  /* the client wants its connection closed behind it; the server wants that, too, or does not care */
  __u32 flags = __atomic_load_n(&upstream_row(cookie)->flags, __ATOMIC_ACQUIRE);
  int last = how == PUMP_LAST || (how != PUMP_BROKEN && flags & KM_UPSTREAM_LAST);
  if (how == PUMP_KEPT && flags & KM_UPSTREAM_CLOSES) how = PUMP_SPENT;
  client->pump = NULL;
  upstream->pump = NULL;
  free(pump);
  upstream->mode = UPSTREAM_MODE_OFFERED;
  upstream->watch.ready = upstream_ready;
  if (how == PUMP_KEPT) {
    pool_release(upstream);
  } else {
    pool_drop(upstream);
  }
  client_resume(client);
  if (how == PUMP_BROKEN) {
    client_fail(client, ANSWER_RESET, 0);
  } else if (last) {
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
      end(pump, PUMP_BROKEN);
      return -1;
    }
    pump->from += sent;
    pump->client->own += sent;
  }
  pump->from = pump->to = 0;
  if (!pump->complete) return 0;
  end(pump, pump->surplus ? PUMP_SPENT : PUMP_KEPT);
  return -1;
}

/* What is to be written of what came, from `head` bytes on that are known already. 0: a chunk that is none */
static int frame_body(struct pump *pump, struct km_upstream *row, size_t head, size_t size)
{
  size_t taken = body_end(row, (const __u8 *)pump->bytes + head, size - head, &pump->complete);
  pump->to = head + taken;
  pump->surplus = pump->to < size;
  return pump->complete || (!pump->surplus && pump->to > 0);
}

/* The same for the beginning of an answer. The programs have seen its head whole, so it has come in one piece. */
static int frame_head(struct pump *pump, struct km_upstream *row, size_t size)
{
  char edited[HEAD_ROOM], status[4] = "";
  const struct km_edits *edits = edits_of(row);
  const char *blank = memmem(pump->bytes, size, "\r\n\r\n", 4);
  size_t was = blank ? (size_t)(blank + 4 - pump->bytes) : 0, now;
  if (was < sizeof("HTTP/1.1 200") || was > sizeof(edited) - LAST_LINE_BYTES) return 0;
  memcpy(status, pump->bytes + sizeof("HTTP/1.1"), 3);
  if (edits) {
    now = edit_head(edits, pump->bytes, was, status, edited, sizeof(edited) - LAST_LINE_BYTES);
  } else {
    memcpy(edited, pump->bytes, was);
    now = was;
  }
  if (now == 0) return 0;
  if ((row->flags & (KM_UPSTREAM_LAST | KM_UPSTREAM_CLOSES)) == KM_UPSTREAM_LAST) now = say_last(edited, now);
  memmove(pump->bytes + now, pump->bytes + was, size - was);
  memcpy(pump->bytes, edited, now);
  pump->heading = 0;
  return frame_body(pump, row, now, size - was + now);
}

static int frame(struct pump *pump, struct km_upstream *row, size_t size)
{
  return pump->heading ? frame_head(pump, row, size) : frame_body(pump, row, 0, size);
}

static void move(struct pump *pump)
{
  for (int turn = 0; turn < 4; turn++) {
    struct km_upstream *row = upstream_row(pump->upstream->cookie);
    int stopped = write_out(pump);
    ssize_t got;
    if (stopped < 0) return;
    if (stopped) break;
    got = recv(pump->upstream->watch.fd, pump->bytes, ROOM - HEAD_ROOM, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (got <= 0) {
      end(pump, got == 0 && row->phase == KM_RESPONSE_UNTIL_CLOSE ? PUMP_LAST : PUMP_BROKEN);
      return;
    }
    row->sent += got;
    if (!frame(pump, row, got)) {
      end(pump, PUMP_BROKEN);
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

void pump_end_lost(struct upstream *upstream)
{
  end(upstream->pump, PUMP_BROKEN);
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
  if (row == NULL || client->pump || client->mode == CLIENT_MODE_HANDED || client_would_be_overtaken(client, row)) return 0;
  __atomic_fetch_or(&row->flags, KM_CLIENT_ORDERED, __ATOMIC_ACQ_REL);
  /* without its buffer, which is written before it is read */
  pump = malloc(sizeof(*pump));
  memset(pump, 0, offsetof(struct pump, bytes));
  pump->upstream = upstream;
  pump->client = client;
  pump->heading = (upstream_row(upstream->cookie)->flags & KM_UPSTREAM_EDITED) != 0;
  client->pump = pump;
  upstream->pump = pump;
  upstream->mode = UPSTREAM_MODE_PUMPED;
  upstream->watch.ready = upstream_pumped;
  /* what was left to it is there */
  move(pump);
  return 1;
}
