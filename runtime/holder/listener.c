/* Listening sockets. They are on loopback addresses and ports that the kernel chooses; km_acceptor tells the programs which. */
#define _GNU_SOURCE
#include "listener.h"
#include "client.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#define BACKLOG 16384
/* Milliseconds without accepting when there are no descriptors left, and between two lines that say so */
#define OUT_OF_DESCRIPTORS_PAUSE 100
#define SAID_AGAIN 10000

struct listener {
  struct watch watch;
  struct space *space;
  LIST_ENTRY(listener) link;
};

__u64 accepted;
static LIST_HEAD(, listener) listeners = LIST_HEAD_INITIALIZER(listeners);
static struct moment resume;
static uint64_t said; /* that nothing can be accepted */

static const __u8 loopback4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
static const __u8 loopback6[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

void listener_reset(void)
{
  struct km_acceptor_key key;
  while (bpf_map_get_next_key(map_acceptor, NULL, &key) == 0) bpf_map_delete_elem(map_acceptor, &key);
}

static void resume_all(void)
{
  struct listener *listener;
  LIST_FOREACH(listener, &listeners, link) loop_watch(&listener->watch, EPOLLIN);
}

static void accept_up_to(struct watch *watch, unsigned most)
{
  struct listener *listener = (struct listener *)watch;
  for (unsigned i = 0; i < most && watch->fd >= 0; i++) {
    struct sockaddr_storage from;
    socklen_t length = sizeof(from);
    int fd = accept4(watch->fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accepted++;
      client_accept(fd, listener->space, &from);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      if (said == 0 || now_ms() - said >= SAID_AGAIN) {
        say("cannot accept: %m");
        said = now_ms();
      }
      loop_watch(watch, 0);
      resume.then = resume_all;
      loop_soon(&resume, OUT_OF_DESCRIPTORS_PAUSE);
      return;
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

/* So many at once: others have their turn */
static void listener_ready(struct watch *watch, uint32_t events)
{
  (void)events;
  accept_up_to(watch, 64);
}

void listener_accept_all(void)
{
  struct listener *listener;
  if (resume.pending) return;
  LIST_FOREACH(listener, &listeners, link) accept_up_to(&listener->watch, BACKLOG);
}

static struct listener *listen_on(struct space *space, const __u8 address[16], __u16 *port)
{
  struct km_acceptor_key key = {.netns = space->cookie, .family = address_is_v4(address) ? 4 : 6};
  struct km_acceptor value = {0};
  struct sockaddr_storage name;
  socklen_t length = address_to_socket(address, 0, &name);
  struct listener *listener;
  int yes = 1;
  int fd = space_socket(space, name.ss_family);
  if (fd < 0) return NULL;
  /* accepted sockets inherit it */
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  if (bind(fd, (struct sockaddr *)&name, length) != 0 || listen(fd, BACKLOG) != 0 ||
      getsockname(fd, (struct sockaddr *)&name, &length) != 0) {
    int error = errno;
    close(fd);
    errno = error;
    return NULL;
  }
  address_of_socket(&name, value.address, port);
  value.port = *port;
  listener = calloc(1, sizeof(*listener));
  listener->watch.fd = fd;
  listener->watch.ready = listener_ready;
  listener->space = space;
  LIST_INSERT_HEAD(&listeners, listener, link);
  loop_watch(&listener->watch, EPOLLIN);
  if (bpf_map_update_elem(map_acceptor, &key, &value, BPF_ANY) != 0) say("km_acceptor: %m");
  return listener;
}

static __u16 port_of(const struct listener *listener)
{
  struct sockaddr_storage name;
  socklen_t length = sizeof(name);
  __u8 address[16];
  __u16 port = 0;
  if (getsockname(listener->watch.fd, (struct sockaddr *)&name, &length) == 0) address_of_socket(&name, address, &port);
  return port;
}

int listener_open(struct space *space, __u16 *port4, __u16 *port6)
{
  int error = EAFNOSUPPORT;
  *port4 = *port6 = 0;
  if (space->v4 == NULL && (space->v4 = listen_on(space, loopback4, port4)) == NULL) error = errno;
  if (space->v6 == NULL) space->v6 = listen_on(space, loopback6, port6);
  if (space->v4) *port4 = port_of(space->v4);
  if (space->v6) *port6 = port_of(space->v6);
  return space->v4 || space->v6 ? 0 : error;
}

static void close_one(struct listener **listener, __u32 family)
{
  struct km_acceptor_key key = {.family = family};
  if (*listener == NULL) return;
  key.netns = (*listener)->space->cookie;
  bpf_map_delete_elem(map_acceptor, &key);
  /* what is in its backlog was given to it a moment ago */
  accept_up_to(&(*listener)->watch, BACKLOG);
  LIST_REMOVE(*listener, link);
  loop_close(&(*listener)->watch);
  *listener = NULL;
}

void listener_close(struct space *space)
{
  close_one(&space->v4, 4);
  close_one(&space->v6, 6);
}

void listener_close_all(void)
{
  while (!LIST_EMPTY(&listeners)) listener_close(LIST_FIRST(&listeners)->space);
}
