/*
 * Pools. The kernel asks for connections when it finds none or few; they are opened here, in the client's namespace, and offered by setting a bit.
 * Invariants: a slot changes only while its bit is 0 and the holder has it; a row of km_pool or km_upstream gets another owner only after every
 * program that could have met the old one has ended (ROW_REST).
 */
#include "pool.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

/* Milliseconds: a row rests before it gets another owner; no program runs for as long */
#define ROW_REST 2000
/* Milliseconds: how long a connection may take to stand; after a failure the kernel is not heard for a while */
#define CONNECT_TIMEOUT 5000
#define FAILURE_PAUSE 250
/*
 * Milliseconds that an unused pool stays, and over which the use of one is watched. Who comes back within a minute with as many connections finds as many: a request that finds none falls
 * to user space, and answers to its client take the longer way from then on (KM_CLIENT_ORDERED).
 */
#define UNUSED 60000
#define WINDOW 60000
#define FIRST 4
/* Milliseconds between attempts to keep connections to an endpoint that does not take them */
#define WARM_PAUSE 5000
#define MOST_AT_ONCE 64
/* Connections in a row that find their row taken, until that counts as a failure */
#define MOST_CLASHES 16
/* A pool whose connections are used up one by one keeps as many idle as it loses between two looks at it, and no more than these */
#define MOST_AHEAD 64

struct pool {
  LIST_ENTRY(pool) link;
  struct km_pool_key key;
  struct space *space;
  __u32 row;
  __u8 address[16];
  __u16 port;
  unsigned open; /* slots that are taken, connecting ones too */
  unsigned warm; /* how many there are kept */
  int held;      /* somebody walks over its slots: it is not freed meanwhile */
  int left;      /* gone from km_pool_of: what is claimed ends and is closed */
  __u64 claimed;
  uint64_t used;    /* when it was last seen to be used */
  uint64_t window;  /* when the window began */
  unsigned least;   /* idle connections in it, the least seen */
  unsigned spent;        /* connections used up since the last look at it */
  unsigned spent_before; /* and between that one and the one before */
  unsigned clashes; /* connections in a row whose row was taken */
  uint64_t failed;  /* when a connection failed; 0: the last one stood */
  struct upstream *slots[KM_POOL_SLOTS];
};

static LIST_HEAD(, pool) pools = LIST_HEAD_INITIALIZER(pools);
static void end_if_done(struct pool *pool);
static struct upstream *by_row[KM_UPSTREAMS];
static uint64_t resting[KM_POOLS]; /* until when; 1: in use */
static int draining;
static __u64 opened, open_failed;

void pool_open(void)
{
  struct km_pool_key key;
  /* what a holder before this one left: none of its sockets is there any more */
  while (bpf_map_get_next_key(map_pool_of, NULL, &key) == 0) bpf_map_delete_elem(map_pool_of, &key);
  for (__u32 row = 0; row < KM_POOLS; row++) memset(pool_row(row), 0, sizeof(struct km_pool));
  for (__u32 row = 0; row < KM_UPSTREAMS; row++) {
    struct km_upstream *upstream = upstream_row(row);
    release_place(upstream);
    memset(upstream, 0, sizeof(*upstream));
  }
}

static unsigned idle_in(const struct pool *pool)
{
  unsigned idle = 0;
  for (unsigned word = 0; word < KM_POOL_WORDS; word++)
    idle += __builtin_popcountll(__atomic_load_n(&pool_row(pool->row)->idle[word], __ATOMIC_RELAXED));
  return idle;
}

static struct pool *pool_find(const struct km_pool_key *key)
{
  struct pool *pool;
  LIST_FOREACH(pool, &pools, link) if (!pool->left && memcmp(&pool->key, key, sizeof(*key)) == 0) return pool;
  return NULL;
}

static __u32 free_row(void)
{
  uint64_t now = now_ms();
  for (__u32 row = 1; row < KM_POOLS; row++) if (resting[row] == 0 || (resting[row] != 1 && resting[row] < now)) return row;
  return 0;
}

static struct pool *pool_make(const struct km_event *event, const struct km_pool_key *key)
{
  struct space *space = space_find(event->netns);
  __u32 row = free_row();
  struct pool *pool;
  if (space == NULL || space->forgotten || row == 0) return NULL;
  memset(pool_row(row), 0, sizeof(struct km_pool));
  if (bpf_map_update_elem(map_pool_of, key, &row, BPF_ANY) != 0) return NULL;
  pool = calloc(1, sizeof(*pool));
  pool->key = *key;
  pool->space = space;
  pool->row = row;
  memcpy(pool->address, event->address, 16);
  pool->port = event->port;
  pool->used = pool->window = now_ms();
  resting[row] = 1;
  LIST_INSERT_HEAD(&pools, pool, link);
  return pool;
}

static void end_if_done(struct pool *pool)
{
  if (!pool->left || pool->open > 0 || pool->held > 0) return;
  resting[pool->row] = now_ms() + ROW_REST;
  LIST_REMOVE(pool, link);
  free(pool);
}

/* Nobody finds it any more, and its idle connections are closed. */
static void pool_leave(struct pool *pool)
{
  if (!pool->left) bpf_map_delete_elem(map_pool_of, &pool->key);
  pool->left = 1;
  pool->held++;
  for (unsigned slot = 0; slot < KM_POOL_SLOTS; slot++) {
    struct upstream *upstream = pool->slots[slot];
    if (upstream && (upstream->mode == UPSTREAM_MODE_CONNECTING || (upstream->mode == UPSTREAM_MODE_OFFERED && pool_take(upstream))))
      pool_drop(upstream);
  }
  pool->held--;
  end_if_done(pool);
}

/* ---------------------------------------------------------------- one connection */

static __u64 bit_of(const struct upstream *upstream)
{
  return 1ULL << (upstream->slot % 64);
}

static __u64 *word_of(const struct upstream *upstream)
{
  return &pool_row(upstream->pool->row)->idle[upstream->slot / 64];
}

int pool_take(struct upstream *upstream)
{
  return (__atomic_fetch_and(word_of(upstream), ~bit_of(upstream), __ATOMIC_ACQ_REL) & bit_of(upstream)) != 0;
}

int pool_is_idle(const struct upstream *upstream)
{
  return (__atomic_load_n(word_of(upstream), __ATOMIC_ACQUIRE) & bit_of(upstream)) != 0;
}

struct upstream *pool_upstream(__u64 cookie)
{
  struct upstream *upstream = by_row[cookie % KM_UPSTREAMS];
  return upstream && upstream->cookie == cookie ? upstream : NULL;
}

void pool_close(struct upstream *upstream)
{
  struct pool *pool = upstream->pool;
  struct km_pool *shared = pool_row(pool->row);
  if (upstream->cookie) {
    struct km_upstream *row = upstream_row(upstream->cookie);
    __atomic_fetch_or(&row->flags, KM_UPSTREAM_SPENT | KM_UPSTREAM_HELD, __ATOMIC_ACQ_REL);
    /* a bit that stayed would offer the slot's next owner before its time */
    pool_take(upstream);
    shared->upstream[upstream->slot] = 0;
    __atomic_store_n(&row->cookie, 0, __ATOMIC_RELEASE);
    by_row[upstream->cookie % KM_UPSTREAMS] = NULL;
  }
  pool->slots[upstream->slot] = NULL;
  pool->open--;
  __atomic_store_n(&shared->open, pool->open, __ATOMIC_RELAXED);
  loop_close(&upstream->watch);
  end_if_done(pool);
}

void pool_drop(struct upstream *upstream)
{
  if (upstream->cookie) release_place(upstream_row(upstream->cookie));
  pool_close(upstream);
}

/*
 * Whoever claims it gets an answer to what it asks, and nothing that came before: what is in the socket's queue by now is not that, and what comes from here on meets the programs, which
 * spend an upstream that nobody owns. 0: it is of no use.
 */
static int set_idle(struct upstream *upstream)
{
  char byte;
  if (recv(upstream->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR)) return 0;
  upstream->mode = UPSTREAM_MODE_OFFERED;
  upstream->since = 0;
  upstream->watch.ready = upstream_ready;
  loop_watch(&upstream->watch, UPSTREAM_EVENTS);
  __atomic_fetch_or(word_of(upstream), bit_of(upstream), __ATOMIC_ACQ_REL);
  return 1;
}

void pool_release(struct upstream *upstream)
{
  struct km_upstream *row = upstream_row(upstream->cookie);
  release_place(row);
  if (upstream->pool->left || draining || __atomic_load_n(&row->flags, __ATOMIC_ACQUIRE) & KM_UPSTREAM_SPENT) {
    pool_drop(upstream);
    return;
  }
  row->phase = KM_RESPONSE_IDLE;
  row->deadline = row->remaining = row->sent = 0;
  __atomic_store_n(&row->owner, 0, __ATOMIC_RELEASE);
  __atomic_fetch_and(&row->flags, KM_UPSTREAM_SPENT, __ATOMIC_ACQ_REL);
  if (!set_idle(upstream)) pool_drop(upstream);
}

static int offer(struct upstream *upstream)
{
  struct pool *pool = upstream->pool;
  struct km_pool *shared = pool_row(pool->row);
  __u64 cookie = cookie_of(upstream->watch.fd);
  struct km_upstream *row = upstream_row(cookie);
  __u64 value = upstream->watch.fd;
  /* the row of another connection whose cookie ends alike: nothing is wrong with the endpoint, and the next cookie is another one */
  if (cookie == 0 || row->cookie != 0 || by_row[cookie % KM_UPSTREAMS] != NULL) return EAGAIN;
  memset(row, 0, sizeof(*row));
  row->netns = pool->key.netns;
  memcpy(row->address, pool->address, 16);
  row->port = pool->port;
  row->slot = upstream->slot;
  row->pool = pool->row;
  __atomic_store_n(&row->cookie, cookie, __ATOMIC_RELEASE);
  upstream->cookie = cookie;
  by_row[cookie % KM_UPSTREAMS] = upstream;
  if (bpf_map_update_elem(map_upstreams, &cookie, &value, BPF_ANY) != 0) return errno;
  bpf_map_lookup_elem(map_server_of, &cookie, &row->server);
  shared->upstream[upstream->slot] = cookie;
  opened++;
  pool->failed = 0;
  pool->clashes = 0;
  __atomic_store_n(&shared->open, pool->open, __ATOMIC_RELAXED);
  return set_idle(upstream) ? 0 : ECONNRESET;
}

static int open_one(struct pool *pool);

static void connected(struct watch *watch, uint32_t events)
{
  struct upstream *upstream = (struct upstream *)watch;
  struct pool *pool = upstream->pool;
  int error = 0;
  socklen_t length = sizeof(error);
  (void)events;
  getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error == 0) error = pool->left || draining ? ECANCELED : offer(upstream);
  if (error == 0) {
    __atomic_store_n(&pool_row(pool->row)->wanted, 0, __ATOMIC_RELEASE);
    return;
  }
  if (error == EAGAIN && ++pool->clashes < MOST_CLASHES) {
    /* before the old one is dropped, which has its slot until then: the pool may end with its last connection */
    open_one(pool);
  } else if (error != ECANCELED) {
    open_failed++;
    pool->failed = now_ms();
  }
  pool_drop(upstream);
}

/* 0, or why not even a beginning was made. */
static int open_one(struct pool *pool)
{
  struct sockaddr_storage name;
  socklen_t length = address_to_socket(pool->address, pool->port, &name);
  struct upstream *upstream;
  unsigned slot = 0;
  int yes = 1, room = KM_UPSTREAM_SEND_BUFFER, fd;
  while (slot < KM_POOL_SLOTS && pool->slots[slot]) slot++;
  if (slot == KM_POOL_SLOTS) return ENOSPC;
  fd = space_socket(pool->space, name.ss_family);
  if (fd < 0) return errno;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) != 0) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
  if (connect(fd, (struct sockaddr *)&name, length) != 0 && errno != EINPROGRESS) {
    int error = errno;
    close(fd);
    return error;
  }
  upstream = calloc(1, sizeof(*upstream));
  upstream->watch.fd = fd;
  upstream->watch.ready = connected;
  upstream->mode = UPSTREAM_MODE_CONNECTING;
  upstream->pool = pool;
  upstream->slot = slot;
  upstream->since = now_ms();
  pool->slots[slot] = upstream;
  pool->open++;
  loop_watch(&upstream->watch, EPOLLOUT);
  return 0;
}

static void grow(struct pool *pool, unsigned wanted)
{
  unsigned more = pool->open < FIRST ? FIRST : pool->open;
  if (wanted > more) more = wanted;
  if (more > MOST_AT_ONCE) more = MOST_AT_ONCE;
  pool->used = now_ms();
  if (draining || pool->left) return;
  if (pool->failed && now_ms() - pool->failed < FAILURE_PAUSE) return;
  while (more--) {
    int error = open_one(pool);
    if (error == 0) continue;
    if (error != ENOSPC) {
      open_failed++;
      pool->failed = now_ms();
    }
    break;
  }
}

void pool_replace(struct upstream *upstream)
{
  struct pool *pool = upstream->pool;
  if (draining || pool->left || (pool->failed && now_ms() - pool->failed < FAILURE_PAUSE)) return;
  open_one(pool);
  pool->spent++;
  unsigned ahead = pool->spent > pool->spent_before ? pool->spent : pool->spent_before;
  if (idle_in(pool) < (ahead < MOST_AHEAD ? ahead : MOST_AHEAD) && pool->open < KM_POOL_SLOTS / 2) open_one(pool);
}

void pool_wanted(const struct km_event *event)
{
  struct km_pool_key key = {.netns = event->netns, .endpoint = event->endpoint, .incarnation = event->incarnation, .marks = event->marks};
  struct pool *pool = pool_find(&key);
  if (pool == NULL && !draining) pool = pool_make(event, &key);
  if (pool) grow(pool, event->wanted);
}

static void warm_up(struct pool *pool)
{
  if (draining || pool->left || (pool->failed && now_ms() - pool->failed < WARM_PAUSE)) return;
  while (pool->open < pool->warm) {
    if (open_one(pool) == 0) continue;
    open_failed++;
    pool->failed = now_ms();
    return;
  }
}

void pool_warm(__u64 netns, const __u8 address[16], __u16 port, __u32 endpoint, unsigned count)
{
  struct km_state *state = state_row(endpoint);
  struct km_event event = {.netns = netns, .port = port, .endpoint = endpoint};
  struct km_pool_key key = {.netns = netns, .endpoint = endpoint};
  struct pool *pool;
  if (state == NULL) return;
  event.incarnation = key.incarnation = state->incarnation;
  memcpy(event.address, address, 16);
  pool = pool_find(&key);
  if (pool == NULL && count > 0 && !draining) pool = pool_make(&event, &key);
  if (pool == NULL) return;
  pool->warm = count < FIRST ? count : FIRST;
  warm_up(pool);
}

void pool_low(__u32 row)
{
  struct pool *pool;
  LIST_FOREACH(pool, &pools, link) if (pool->row == row && !pool->left) {
    grow(pool, 0);
    return;
  }
}

/* ---------------------------------------------------------------- all of them */

void pool_each(void (*look)(struct upstream *upstream))
{
  struct pool *pool, *next;
  for (pool = LIST_FIRST(&pools); pool; pool = next) {
    unsigned busy = pool->open - idle_in(pool);
    next = LIST_NEXT(pool, link);
    pool->held++;
    for (unsigned slot = 0; slot < KM_POOL_SLOTS && busy; slot++)
      if (pool->slots[slot] && pool->slots[slot]->mode != UPSTREAM_MODE_CONNECTING) look(pool->slots[slot]);
    pool->held--;
    end_if_done(pool);
  }
}

/* Has the endpoint left its cluster, or has its id another owner? (proto/abi.ts, km_state) */
static int endpoint_left(const struct pool *pool)
{
  struct km_state *state = state_row(pool->key.endpoint);
  return state == NULL || state->incarnation != pool->key.incarnation || state->cursor != 0;
}

/* Closes half of what nobody used in the window; the claims take the lowest slots first. */
static void shrink(struct pool *pool)
{
  unsigned more = pool->least > FIRST ? (pool->least - FIRST + 1) / 2 : 0;
  for (int slot = KM_POOL_SLOTS - 1; slot >= 0 && more; slot--) {
    struct upstream *upstream = pool->slots[slot];
    if (upstream && upstream->mode == UPSTREAM_MODE_OFFERED && pool_take(upstream)) {
      pool_drop(upstream);
      more--;
    }
  }
}

static void tend(struct pool *pool)
{
  struct km_pool *shared = pool_row(pool->row);
  uint64_t now = now_ms();
  unsigned idle = idle_in(pool), connecting = 0;
  for (unsigned slot = 0; slot < KM_POOL_SLOTS; slot++) {
    struct upstream *upstream = pool->slots[slot];
    if (upstream == NULL || upstream->mode != UPSTREAM_MODE_CONNECTING) continue;
    connecting++;
    if (now - upstream->since <= CONNECT_TIMEOUT) continue;
    open_failed++;
    pool->failed = now;
    pool_drop(upstream);
  }
  pool->spent_before = pool->spent;
  pool->spent = 0;
  /* a request that was not heard, or in vain, was the last to ask: the next may ask again */
  if (connecting == 0 && now - pool->failed >= FAILURE_PAUSE) __atomic_store_n(&shared->wanted, 0, __ATOMIC_RELEASE);
  if (shared->claimed != pool->claimed || idle < pool->open) pool->used = now;
  pool->claimed = shared->claimed;
  if (idle < pool->least) pool->least = idle;
  warm_up(pool);
  if (now - pool->window >= WINDOW) {
    shrink(pool);
    pool->window = now;
    pool->least = idle_in(pool);
  }
}

void pool_tend(void)
{
  struct pool *pool, *next;
  for (pool = LIST_FIRST(&pools); pool; pool = next) {
    next = LIST_NEXT(pool, link);
    if (!pool->left) tend(pool);
    if (pool->left || endpoint_left(pool) || (pool->warm == 0 && now_ms() - pool->used > UNUSED)) pool_leave(pool);
  }
}

void pool_empty(const struct space *space)
{
  struct pool *pool, *next;
  for (pool = LIST_FIRST(&pools); pool; pool = next) {
    next = LIST_NEXT(pool, link);
    if (space == NULL || pool->space == space) pool_leave(pool);
  }
}

void pool_drain(void)
{
  draining = 1;
  pool_empty(NULL);
}

void pool_count(__u64 *made, __u64 *failed, __u64 *idle)
{
  struct pool *pool;
  *made = opened;
  *failed = open_failed;
  *idle = 0;
  LIST_FOREACH(pool, &pools, link) *idle += idle_in(pool);
}
