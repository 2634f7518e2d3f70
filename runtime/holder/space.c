/* Network namespaces. setns() moves this thread for as long as socket() takes; sockets stay where they were made. */
#define _GNU_SOURCE
#include "space.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static struct space *spaces;
static struct space *own;
static int own_fd = -1;

static int plain_socket(int family)
{
  return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
}

/* Never returns in another namespace than the holder's own. */
static int socket_in(int fd, int family)
{
  int made, error;
  if (fd < 0) return plain_socket(family);
  if (setns(fd, CLONE_NEWNET) != 0) return -1;
  made = plain_socket(family);
  error = errno;
  if (setns(own_fd, CLONE_NEWNET) != 0) {
    say("cannot return from a network namespace: %m");
    exit(1);
  }
  errno = error;
  return made;
}

static __u64 cookie_in(int fd)
{
  __u64 cookie = 0;
  socklen_t length = sizeof(cookie);
  int made = socket_in(fd, AF_INET);
  if (made < 0) made = socket_in(fd, AF_INET6);
  if (made < 0) return 0;
  if (getsockopt(made, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) != 0) cookie = 0;
  close(made);
  return cookie;
}

static struct space *make(__u64 cookie, int fd)
{
  struct space *space = calloc(1, sizeof(*space));
  space->cookie = cookie;
  space->fd = fd;
  space->next = spaces;
  spaces = space;
  return space;
}

void space_open(void)
{
  own_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  own = make(cookie_in(-1), -1);
  if (own_fd < 0 || own->cookie == 0) {
    say("cannot read the own network namespace: %m");
    exit(1);
  }
}

struct space *space_own(void)
{
  return own;
}

struct space *space_find(__u64 cookie)
{
  struct space *space = spaces;
  while (space && space->cookie != cookie) space = space->next;
  return space;
}

struct space *space_enter(int fd)
{
  __u64 cookie = cookie_in(fd);
  struct space *space = cookie ? space_find(cookie) : NULL;
  int error = errno;
  if (cookie == 0) {
    close(fd);
    errno = error;
    return NULL;
  }
  if (space == NULL) return make(cookie, fd);
  if (space->fd < 0 && space != own) {
    space->fd = fd;
  } else {
    close(fd);
  }
  space->forgotten = 0;
  return space;
}

int space_socket(const struct space *space, int family)
{
  if (space->forgotten) {
    errno = ENONET;
    return -1;
  }
  return socket_in(space->fd, family);
}

/* The struct stays: connections of the namespace may live longer than its last process. A cookie is never used again. */
void space_forget(struct space *space)
{
  if (space == own || space->forgotten) return;
  space->forgotten = 1;
  close(space->fd);
  space->fd = -1;
}
