/*
 * Fences: one pair of sockets. What is sent from one end meets a program on the other end's side, goes through the queue of its client's worker behind all that is there, and comes back to
 * the other end. Invariant: a fence is sent only where no bytes of the client can be put together with it: nothing of it is corked while a request of it is outstanding or user space
 * has it.
 */
#include "fence.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/random.h>

/* Milliseconds until another one is sent: the one before may have met an error. */
#define SEND_AGAIN 1000
/* A fence needs room for itself in what its client sends, and waits for as long as a client fills that while nobody reads: milliseconds until it is given more, and how much */
#define ROOM_AFTER 5
#define ROOM (16 << 20)

static int entrance = -1;

int fence_is_needed(const struct km_client *row)
{
  /* nobody will read it, and its queue is no more */
  if (__atomic_load_n(&row->flags, __ATOMIC_ACQUIRE) & KM_CLIENT_GONE) return 0;
  return __atomic_load_n(&row->carried, __ATOMIC_ACQUIRE) != __atomic_load_n(&row->arrived, __ATOMIC_ACQUIRE);
}

static void make_room(struct client *client)
{
  int room = ROOM;
  client->roomy = 1;
  setsockopt(client->watch.fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
  setsockopt(client->watch.fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &room, sizeof(room));
}

/* The client has sent what nobody reads until its fence has come through */
static int is_filled(const struct client *client)
{
  char byte;
  return !client->roomy && recv(client->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

int fence_send(struct client *client, struct km_client *row)
{
  struct km_fence fence = {.magic = KM_FENCE_MAGIC, .carried = __atomic_load_n(&row->carried, __ATOMIC_ACQUIRE), .client = client->cookie};
  uint64_t now = now_ms();
  if (client->fenced && client->fence == fence.carried && now - client->fenced < SEND_AGAIN) {
    if (!is_filled(client)) return 0;
    if (now - client->fenced >= ROOM_AFTER) make_room(client);
    return !client->roomy;
  }
  while (row->fence == 0) {
    __u64 secret;
    if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret)) return 0;
    __atomic_store_n(&row->fence, secret, __ATOMIC_RELEASE);
  }
  fence.secret = row->fence;
  if (__atomic_load_n(&row->upstream, __ATOMIC_ACQUIRE) == 0) __atomic_fetch_or(&row->passed, KM_CLIENT_SLOW, __ATOMIC_ACQ_REL);
  if (send(entrance, &fence, sizeof(fence), MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(fence)) return 0;
  client->fence = fence.carried;
  client->fenced = now;
  return is_filled(client);
}

/* They come back as a stream: what one read gets may be several. */
static void came_back(struct watch *watch, uint32_t events)
{
  struct km_fence fences[64];
  ssize_t got = recv(watch->fd, fences, sizeof(fences), MSG_DONTWAIT);
  (void)events;
  for (ssize_t at = 0; at + (ssize_t)sizeof(*fences) <= got; at += sizeof(*fences)) {
    struct client *client = client_find(fences[at / sizeof(*fences)].client);
    if (client) client_arrived(client);
  }
}

void fence_open(void)
{
  struct watch *watch = calloc(1, sizeof(*watch));
  int ends[2];
  __u64 key = KM_FENCE_KEY, value;
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    say("socketpair: %m");
    exit(1);
  }
  value = ends[1];
  if (bpf_map_update_elem(map_upstreams, &key, &value, BPF_ANY) != 0) {
    say("km_upstreams: %m");
    exit(1);
  }
  entrance = ends[0];
  watch->fd = ends[1];
  watch->ready = came_back;
  loop_watch(watch, EPOLLIN);
}
