/*
 * The control socket. A peer is a process that has said hello; the newest with the role `serve` is the one that connections are handed to.
 * Its predecessor is told and keeps what it has until it closes its end: both may give back what they have.
 */
#define _GNU_SOURCE
#include "control.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <fcntl.h>

struct parcel {
  struct parcel *next;
  struct km_holder_message message;
  int fds[2];
  int owned;
};

struct peer {
  struct watch watch;
  struct peer *next;
  peer_id id;
  int bell; /* our end of the doorbell */
  int greeted;
  int serves;
  struct parcel *first;
  struct parcel **last;
};

union fd_room {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(2 * sizeof(int))];
};

static struct peer *peers;
static struct peer *serving;
static peer_id last_id;

static const __u8 digest[32] = KM_HOLDER_DIGEST;

static int send_now(struct peer *peer, const struct km_holder_message *message, const int fds[2])
{
  struct iovec part = {(void *)message, sizeof(*message)};
  union fd_room room;
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
  int count = (fds[0] >= 0) + (fds[1] >= 0);
  if (count > 0) {
    memset(&room, 0, sizeof(room));
    header.msg_control = &room;
    header.msg_controllen = CMSG_SPACE(count * sizeof(int));
    room.header.cmsg_level = SOL_SOCKET;
    room.header.cmsg_type = SCM_RIGHTS;
    room.header.cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(&room.header), fds, count * sizeof(int));
  }
  if (sendmsg(peer->watch.fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
    if (peer->bell >= 0) send(peer->bell, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    return 0;
  }
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS || errno == ETOOMANYREFS ? 1 : -1;
}

static void drop(struct parcel *parcel)
{
  if (parcel->owned && parcel->fds[0] >= 0) close(parcel->fds[0]);
  free(parcel);
}

static void flush(struct peer *peer)
{
  while (peer->first) {
    struct parcel *parcel = peer->first;
    int result = send_now(peer, &parcel->message, parcel->fds);
    if (result > 0) break;
    peer->first = parcel->next;
    if (peer->first == NULL) peer->last = &peer->first;
    drop(parcel);
  }
  loop_watch(&peer->watch, peer->first ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void post(struct peer *peer, const struct km_holder_message *message, int first, int second, int owned)
{
  int fds[2] = {first, second};
  struct parcel *parcel;
  if (peer->first == NULL && send_now(peer, message, fds) == 0) {
    if (owned && first >= 0) close(first);
    return;
  }
  parcel = calloc(1, sizeof(*parcel));
  parcel->message = *message;
  memcpy(parcel->fds, fds, sizeof(fds));
  parcel->owned = owned;
  *peer->last = parcel;
  peer->last = &parcel->next;
  loop_watch(&peer->watch, EPOLLIN | EPOLLOUT);
}

static void forget(struct peer *peer)
{
  struct peer **link = &peers;
  peer_id id = peer->serves ? peer->id : 0;
  while (*link != peer) link = &(*link)->next;
  *link = peer->next;
  while (peer->first) {
    struct parcel *parcel = peer->first;
    peer->first = parcel->next;
    drop(parcel);
  }
  if (peer->bell >= 0) close(peer->bell);
  if (serving == peer) serving = NULL;
  loop_close(&peer->watch);
  if (id) request_lost(id);
}

static void greet(struct peer *peer, const struct km_holder_message *hello)
{
  struct km_holder_message answer = {.kind = KM_HOLDER_WELCOME, .number = getpid()};
  int bell[2];
  if (memcmp(hello->digest, digest, sizeof(digest)) != 0) {
    answer.kind = KM_HOLDER_MISMATCH;
    post(peer, &answer, NO_FD, NO_FD, 0);
    return;
  }
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, bell) != 0) return;
  memcpy(answer.digest, digest, sizeof(digest));
  post(peer, &answer, bell[1], NO_FD, 1);
  peer->bell = bell[0];
  peer->greeted = 1;
  if (hello->number != KM_HOLDER_ROLE_SERVE) return;
  if (serving) {
    struct km_holder_message replaced = {.kind = KM_HOLDER_REPLACED};
    post(serving, &replaced, NO_FD, NO_FD, 0);
  }
  peer->serves = 1;
  serving = peer;
  request_arrived();
}

static void handle(struct peer *peer, const struct km_holder_message *message, int fd)
{
  if (message->kind == KM_HOLDER_HELLO && !peer->greeted) {
    greet(peer, message);
  } else if (message->kind == KM_HOLDER_COUNT && peer->greeted) {
    struct km_holder_message answer = {.kind = KM_HOLDER_COUNTERS, .number = message->number};
    request_count(answer.counters);
    post(peer, &answer, NO_FD, NO_FD, 0);
  } else if (message->kind == KM_HOLDER_DRAIN && peer->greeted) {
    request_handle(peer->id, message, NO_FD);
  } else if (message->kind == KM_HOLDER_LEAVE && peer->serves) {
    if (serving == peer) serving = NULL;
  } else if (peer->serves) {
    request_handle(peer->id, message, fd);
    return;
  }
  if (fd >= 0) close(fd);
}

/* Takes every message that is there. */
static void peer_ready(struct watch *watch, uint32_t events)
{
  struct peer *peer = (struct peer *)watch;
  if (events & EPOLLOUT) flush(peer);
  while (watch->fd >= 0) {
    struct km_holder_message message;
    union fd_room room;
    struct iovec part = {&message, sizeof(message)};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof(room)};
    ssize_t got = recvmsg(watch->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    int fd = NO_FD;
    struct cmsghdr *control;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      forget(peer);
      return;
    }
    control = CMSG_FIRSTHDR(&header);
    if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS) {
      int count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int), more;
      memcpy(&fd, CMSG_DATA(control), sizeof(fd));
      for (int i = 1; i < count; i++) {
        memcpy(&more, CMSG_DATA(control) + i * sizeof(int), sizeof(more));
        close(more);
      }
    }
    if (got == sizeof(message)) {
      handle(peer, &message, fd);
    } else if (fd >= 0) {
      close(fd);
    }
  }
}

static void accept_ready(struct watch *watch, uint32_t events)
{
  (void)events;
  for (;;) {
    struct ucred who;
    socklen_t length = sizeof(who);
    struct peer *peer;
    int room = 1 << 22;
    int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    /* the directory's mode keeps others out; this also holds where it was changed */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0 || (who.uid != 0 && who.uid != geteuid())) {
      close(fd);
      continue;
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
    peer = calloc(1, sizeof(*peer));
    peer->watch.fd = fd;
    peer->watch.ready = peer_ready;
    peer->id = ++last_id;
    peer->bell = -1;
    peer->last = &peer->first;
    peer->next = peers;
    peers = peer;
    loop_watch(&peer->watch, EPOLLIN);
  }
}

void control_open(const char *directory)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct watch *watch = calloc(1, sizeof(*watch));
  int lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) {
    say("%s: another holder is there, or: %m", directory);
    exit(1);
  }
  /* the lock is held until this process ends */
  if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/holder.sock", directory) >= (int)sizeof(address.sun_path)) {
    say("%s: the path is too long", directory);
    exit(1);
  }
  unlink(address.sun_path);
  watch->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  watch->ready = accept_ready;
  if (bind(watch->fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(watch->fd, 16) != 0) {
    say("%s: %m", address.sun_path);
    exit(1);
  }
  chmod(address.sun_path, 0600);
  loop_watch(watch, EPOLLIN);
}

peer_id control_serving(void)
{
  return serving ? serving->id : 0;
}

static struct peer *find(peer_id id)
{
  struct peer *peer = peers;
  while (peer && peer->id != id) peer = peer->next;
  return peer;
}

void control_send(peer_id to, const struct km_holder_message *message, int first, int second)
{
  struct peer *peer = find(to);
  if (peer) post(peer, message, first, second, 0);
}

void control_give(peer_id to, const struct km_holder_message *message, int fd)
{
  struct peer *peer = find(to);
  if (peer) {
    post(peer, message, fd, NO_FD, 1);
  } else if (fd >= 0) {
    close(fd);
  }
}
