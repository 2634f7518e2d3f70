// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The least that the programs of requests need of a holder, for tests of the programs alone. Usage: small-holder PINS PORT [PAUSE_MS [BACKLOG]].
 *
 * Accepts in its own network namespace, opens what km_events asks for, and is user space for whatever is passed to it: bytes that a client's
 * acceptor gets are answered with status 599 and themselves as the body. Relayed responses are copied raw until nothing more comes. One line a thing that happens, on standard output.
 * PAUSE_MS: how long it waits before it accepts.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "abi.gen.h"

#define COOKIE_OF_SOCKET 57
#define COOKIE_OF_NAMESPACE 71
#define PEERS 70000

enum kind { LISTENER, ACCEPTOR, UPSTREAM, EVENTS };
struct peer {
  enum kind kind;
  int fd;
  __u64 cookie;
  __u64 client;
  __u32 row;
  __u32 pool, slot;
  __u64 written; /* by an acceptor's own send(), and what its TCP counted before */
};

static const char *pins;
static struct peer *peers[PEERS];
static int poll_fd, by_address, acceptors, upstreams, pool_of, server_of, patience;
static struct km_client *clients;
static struct km_upstream *rows;
static struct km_pool *pools;
static __u64 netns;
static __u32 next_pool = 1;

static int pinned(const char *name)
{
  char path[512];
  snprintf(path, sizeof(path), "%s/%s", pins, name);
  int fd = bpf_obj_get(path);
  if (fd < 0) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    exit(1);
  }
  return fd;
}

static void *mapped(const char *name, size_t bytes)
{
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, pinned(name), 0);
  if (memory == MAP_FAILED) {
    perror(name);
    exit(1);
  }
  return memory;
}

static __u64 number_of(int fd, int option)
{
  __u64 value = 0;
  socklen_t length = sizeof(value);
  getsockopt(fd, SOL_SOCKET, option, &value, &length);
  return value;
}

static struct peer *watch(int fd, enum kind kind)
{
  struct peer *peer = calloc(1, sizeof(*peer));
  peer->kind = kind;
  peer->fd = fd;
  if (kind != EVENTS) peer->cookie = number_of(fd, COOKIE_OF_SOCKET);
  peers[fd] = peer;
  struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.fd = fd };
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
  return peer;
}

static void forget(struct peer *peer)
{
  peers[peer->fd] = NULL;
  close(peer->fd);
  free(peer);
}

static void mapped_address(__u8 *to, __u32 v4)
{
  memset(to, 0, 10);
  to[10] = to[11] = 0xff;
  memcpy(to + 12, &v4, 4);
}

static void open_upstream(const struct km_event *event)
{
  struct km_pool_key key = { .netns = event->netns, .endpoint = event->endpoint, .incarnation = event->incarnation, .marks = event->marks };
  __u32 pool = 0;
  if (bpf_map_lookup_elem(pool_of, &key, &pool)) {
    pool = next_pool++;
    bpf_map_update_elem(pool_of, &key, &pool, BPF_ANY);
  }
  struct km_pool *table = &pools[pool];
  for (__u32 i = 0; i < event->wanted && table->open < KM_POOL_SLOTS; i++) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(event->port) };
    memcpy(&to.sin_addr, event->address + 12, 4);
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1, room = KM_UPSTREAM_SEND_BUFFER;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
      printf("unreachable %d\n", event->port);
      close(fd);
      break;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    __u64 cookie = number_of(fd, COOKIE_OF_SOCKET);
    struct km_upstream *row = &rows[cookie % KM_UPSTREAMS];
    if (row->cookie) {
      close(fd);
      continue;
    }
    struct peer *peer = watch(fd, UPSTREAM);
    memset(row, 0, sizeof(*row));
    row->netns = netns;
    memcpy(row->address, event->address, 16);
    row->port = event->port;
    row->pool = peer->pool = pool;
    row->slot = peer->slot = table->open++;
    row->endpoint = event->endpoint;
    __atomic_store_n(&row->cookie, cookie, __ATOMIC_RELEASE);
    __u64 value = fd, server = 0;
    if (bpf_map_update_elem(upstreams, &cookie, &value, BPF_ANY)) perror("km_upstreams");
    if (!bpf_map_lookup_elem(server_of, &cookie, &server)) row->server = server;
    table->upstream[row->slot] = cookie;
    __atomic_fetch_or(&table->idle[row->slot / 64], 1ULL << row->slot % 64, __ATOMIC_ACQ_REL);
  }
  table->wanted = 0;
  printf("opened %u %u\n", event->port, table->open);
}

static struct peer *acceptor_of(__u64 client)
{
  for (int i = 0; i < PEERS; i++)
    if (peers[i] && peers[i]->kind == ACCEPTOR && peers[i]->client == client) return peers[i];
  return NULL;
}

static struct peer *upstream_of(__u64 cookie)
{
  for (int i = 0; i < PEERS; i++)
    if (peers[i] && peers[i]->kind == UPSTREAM && peers[i]->cookie == cookie) return peers[i];
  return NULL;
}

static void drop_upstream(struct peer *peer)
{
  struct km_upstream *row = &rows[peer->cookie % KM_UPSTREAMS];
  __atomic_fetch_and(&pools[peer->pool].idle[peer->slot / 64], ~(1ULL << peer->slot % 64), __ATOMIC_ACQ_REL);
  __atomic_store_n(&row->cookie, 0, __ATOMIC_RELEASE);
  forget(peer);
}

/* Bytes that have been given to a connection, whoever gave them. */
static __u64 given(int fd)
{
  struct tcp_info info = {};
  socklen_t length = sizeof(info);
  int waiting = 0;
  getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);
  ioctl(fd, SIOCOUTQ, &waiting);
  return info.tcpi_bytes_acked + waiting;
}

static void say(struct peer *peer, const char *bytes, size_t length)
{
  for (size_t at = 0; at < length;) {
    ssize_t put = send(peer->fd, bytes + at, length - at, MSG_NOSIGNAL);
    if (put <= 0) return;
    at += put;
    peer->written += put;
  }
}

/* Until nothing more comes for a while: a response is over then. */
static void relay(struct peer *from, struct peer *to)
{
  static char bytes[1 << 16];
  struct timeval patience = { .tv_usec = 100000 };
  ssize_t got;
  fcntl(from->fd, F_SETFL, 0);
  setsockopt(from->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  /* What the kernel itself moves is still on its way. */
  while (given(to->fd) < clients[to->row].egress + to->written) usleep(1000);
  while ((got = recv(from->fd, bytes, sizeof(bytes), 0)) > 0) say(to, bytes, got);
  __atomic_fetch_or(&clients[to->row].flags, KM_CLIENT_ORDERED, __ATOMIC_ACQ_REL);
  clients[to->row].upstream = 0;
}

static int on_event(void *context, void *data, size_t size)
{
  const struct km_event *event = data;
  struct peer *peer;
  switch (event->kind) {
  case KM_EVENT_OPEN:
  case KM_EVENT_LOW:
    open_upstream(event);
    break;
  case KM_EVENT_SPENT:
    printf("spent\n");
    if ((peer = upstream_of(event->upstream))) drop_upstream(peer);
    break;
  case KM_EVENT_RELAY:
    peer = upstream_of(event->upstream);
    struct peer *acceptor = acceptor_of(event->client);
    printf("relay %s phase %u sent %llu flags %u\n", peer && acceptor ? "" : "lost", rows[event->upstream % KM_UPSTREAMS].phase, rows[event->upstream % KM_UPSTREAMS].sent, rows[event->upstream % KM_UPSTREAMS].flags);
    if (!peer || !acceptor) break;
    relay(peer, acceptor);
    drop_upstream(peer);
    break;
  default:
    printf("event %u\n", event->kind);
  }
  return 0;
}

static void accept_client(int listener)
{
  struct sockaddr_in from;
  socklen_t length = sizeof(from);
  if (patience) usleep(patience * 1000);
  int fd = accept(listener, (struct sockaddr *)&from, &length), one = 1;
  if (fd < 0) return;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  struct km_client_address_key key = { .netns = netns, .port = ntohs(from.sin_port) };
  mapped_address(key.address, from.sin_addr.s_addr);
  struct km_client_place place;
  if (bpf_map_lookup_elem(by_address, &key, &place)) {
    printf("stranger %u\n", key.port);
    close(fd);
    return;
  }
  struct peer *peer = watch(fd, ACCEPTOR);
  __u64 value = fd;
  peer->client = place.cookie;
  peer->row = place.row;
  peer->written = given(fd);
  /* It fails for a client that has gone already. */
  bpf_map_update_elem(acceptors, &place.cookie, &value, BPF_ANY);
  __atomic_store_n(&clients[place.row].acceptor, peer->cookie, __ATOMIC_RELEASE);
  printf("accepted %llu\n", place.cookie);
}

static void serve_slowly(struct peer *peer)
{
  static char bytes[1 << 17];
  ssize_t got = recv(peer->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
  struct km_client *client = &clients[peer->row];
  if (got <= 0) {
    printf("closed\n");
    forget(peer);
    return;
  }
  printf("slow %zd passed %llu %s%s reason %u\n", got, client->passed & ~KM_CLIENT_SLOW, client->passed & KM_CLIENT_SLOW ? "slow" : "fast",
         client->flags & KM_CLIENT_EARLY ? " early" : "", client->reason);
  while (client->cookie == peer->client && (client->upstream || given(peer->fd) < client->egress + peer->written)) usleep(100);
  char head[100];
  say(peer, head, snprintf(head, sizeof(head), "HTTP/1.1 599 Slow\r\ncontent-length: %zd\r\n\r\n", got));
  say(peer, bytes, got);
}

static void on_upstream(struct peer *peer)
{
  char byte;
  ssize_t got = recv(peer->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
  if (got == 0 || (got < 0 && errno != EAGAIN)) {
    printf("upstream closed\n");
    drop_upstream(peer);
  }
}

int main(int count, char **arguments)
{
  if (count < 3) return 2;
  pins = arguments[1];
  patience = count > 3 ? atoi(arguments[3]) : 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  poll_fd = epoll_create1(0);
  by_address = pinned("km_client_by_address");
  acceptors = pinned("km_acceptors");
  upstreams = pinned("km_upstreams");
  pool_of = pinned("km_pool_of");
  server_of = pinned("km_server_of");
  clients = mapped("km_client", sizeof(*clients) * KM_CLIENTS);
  rows = mapped("km_upstream", sizeof(*rows) * KM_UPSTREAMS);
  pools = mapped("km_pool", sizeof(*pools) * KM_POOLS);
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(atoi(arguments[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  int fast_open = 16;
  setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &fast_open, sizeof(fast_open));
  if (bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, count > 4 ? atoi(arguments[4]) : 4096)) {
    perror("listen");
    return 1;
  }
  netns = number_of(listener, COOKIE_OF_NAMESPACE);
  watch(listener, LISTENER);
  struct km_acceptor_key key = { .netns = netns, .family = 4 };
  struct km_acceptor acceptor = { .port = atoi(arguments[2]) };
  mapped_address(acceptor.address, at.sin_addr.s_addr);
  bpf_map_update_elem(pinned("km_acceptor"), &key, &acceptor, BPF_ANY);
  struct ring_buffer *events = ring_buffer__new(pinned("km_events"), on_event, NULL, NULL);
  watch(ring_buffer__epoll_fd(events), EVENTS);
  char date[KM_CLOCK_BYTES] = "Sun, 06 Nov 1994 08:49:37 GMT";
  __u32 first = 0;
  bpf_map_update_elem(pinned("km_clock"), &first, date, BPF_ANY);
  printf("ready\n");
  for (;;) {
    struct epoll_event ready[256];
    int got = epoll_wait(poll_fd, ready, 256, -1);
    for (int i = 0; i < got; i++) {
      struct peer *peer = peers[ready[i].data.fd];
      if (!peer) continue;
      if (peer->kind == LISTENER) accept_client(peer->fd);
      else if (peer->kind == ACCEPTOR) serve_slowly(peer);
      else if (peer->kind == UPSTREAM) on_upstream(peer);
      else ring_buffer__consume(events);
    }
  }
}
