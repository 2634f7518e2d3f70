/* Pinned maps: opening, mapping, and the few operations on them that are not plain memory. */
#define _GNU_SOURCE
#include "tables.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <bpf/bpf.h>

int map_client_by_address, map_acceptor, map_acceptors, map_upstreams, map_server_of, map_pool_of, map_events;
char clock_text[32];

static const char *pins;
static int map_clock;
static int return_program = -1;
static struct km_client *clients;
static struct km_upstream *upstreams;
static struct km_pool *pools;
static struct km_edit *edits;
static struct km_state *shards[KM_STATE_SHARDS];

static int open_pin(const char *name)
{
  char path[512];
  snprintf(path, sizeof(path), "%s/%s", pins, name);
  return bpf_obj_get(path);
}

static int must(const char *name)
{
  int fd = open_pin(name);
  if (fd < 0) {
    say("%s/%s: %m", pins, name);
    exit(1);
  }
  return fd;
}

static void *map_memory(int fd, size_t bytes)
{
  size_t page = sysconf(_SC_PAGESIZE);
  void *memory = mmap(NULL, (bytes + page - 1) / page * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

static void *must_map(const char *name, size_t bytes)
{
  int fd = must(name);
  void *memory = map_memory(fd, bytes);
  if (memory == NULL) {
    say("%s: %m", name);
    exit(1);
  }
  close(fd);
  return memory;
}

void tables_open(const char *directory)
{
  pins = directory;
  map_client_by_address = must("km_client_by_address");
  map_acceptor = must("km_acceptor");
  map_acceptors = must("km_acceptors");
  map_upstreams = must("km_upstreams");
  map_server_of = must("km_server_of");
  map_pool_of = must("km_pool_of");
  map_events = must("km_events");
  map_clock = must("km_clock");
  clients = must_map("km_client", sizeof(struct km_client) * KM_CLIENTS);
  upstreams = must_map("km_upstream", sizeof(struct km_upstream) * KM_UPSTREAMS);
  pools = must_map("km_pool", sizeof(struct km_pool) * KM_POOLS);
  edits = must_map("km_edit", sizeof(struct km_edit) * KM_EDITS);
}

struct km_client *client_row(__u32 row)
{
  return &clients[row % KM_CLIENTS];
}

struct km_upstream *upstream_row(__u64 cookie)
{
  return &upstreams[cookie % KM_UPSTREAMS];
}

struct km_pool *pool_row(__u32 row)
{
  return &pools[row % KM_POOLS];
}

struct km_edit *edit_row(__u32 row)
{
  return &edits[row % KM_EDITS];
}

/* Shards come with applies, so each is opened when it is first asked for. */
struct km_state *state_row(__u32 id)
{
  __u32 shard = id >> KM_STATE_SHARD_BITS;
  if (shard >= KM_STATE_SHARDS) return NULL;
  if (shards[shard] == NULL) {
    char name[32];
    int fd;
    snprintf(name, sizeof(name), "state/%u", shard);
    fd = open_pin(name);
    if (fd < 0) return NULL;
    shards[shard] = map_memory(fd, sizeof(struct km_state) * KM_STATE_SHARD_ROWS);
    close(fd);
    if (shards[shard] == NULL) return NULL;
  }
  return &shards[shard][id & (KM_STATE_SHARD_ROWS - 1)];
}

static void leave(__u32 id, __u32 incarnation)
{
  struct km_state *state = id ? state_row(id) : NULL;
  if (state && __atomic_load_n(&state->incarnation, __ATOMIC_RELAXED) == incarnation) __atomic_fetch_sub(&state->active, 1, __ATOMIC_RELAXED);
}

int release_place(struct km_upstream *upstream)
{
  if (!__atomic_exchange_n(&upstream->counted, 0, __ATOMIC_ACQ_REL)) return 0;
  leave(upstream->cluster, upstream->cluster_incarnation);
  leave(upstream->endpoint, upstream->endpoint_incarnation);
  return 1;
}

void clock_tick(void)
{
  char text[KM_CLOCK_BYTES] = {0};
  __u32 first = 0;
  time_t now = time(NULL);
  struct tm utc;
  strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
  if (strcmp(text, clock_text) == 0) return;
  memcpy(clock_text, text, sizeof(text));
  bpf_map_update_elem(map_clock, &first, text, BPF_ANY);
}

/* The program may come with a later apply than the one that this process met: it is opened when it is needed. */
static int find_return_program(void)
{
  char base[512];
  struct dirent *entry;
  DIR *directory;
  int fd = -1;
  snprintf(base, sizeof(base), "%s/requests", pins);
  directory = opendir(base);
  if (directory == NULL) return -1;
  while (fd < 0 && (entry = readdir(directory)) != NULL) {
    char name[600];
    if (entry->d_name[0] == '.') continue;
    snprintf(name, sizeof(name), "requests/%s/km_client_return", entry->d_name);
    fd = open_pin(name);
  }
  closedir(directory);
  return fd;
}

int run_client_return(__u64 cookie, __u32 row, __u64 passed)
{
  struct km_return context = {.cookie = cookie, .row = row, .passed = passed};
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &context, .ctx_size_in = sizeof(context));
  if (return_program < 0) return_program = find_return_program();
  if (return_program < 0 || bpf_prog_test_run_opts(return_program, &options) != 0) return 0;
  return options.retval == 1;
}
