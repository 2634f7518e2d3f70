/* What Node asks for. A message about something that is no more is no error: Node and the world move at the same time. */
#include "control.h"
#include "listener.h"
#include "request.h"
#include "upstream.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

/* A connection that Node asked for. */
struct dial {
  struct watch watch;
  LIST_ENTRY(dial) link;
  peer_id asker;
  __u32 number;
  uint64_t until;
};

static LIST_HEAD(, dial) dials = LIST_HEAD_INITIALIZER(dials);
static uint64_t drained_at;
static __u64 handed_back;

static void answer_failed(peer_id to, __u32 number, int error)
{
  struct km_holder_message answer = {.kind = KM_HOLDER_FAILED, .number = number, .count = error};
  control_send(to, &answer, NO_FD, NO_FD);
}

static void end_dial(struct dial *dial, int error)
{
  struct km_holder_message answer = {.kind = KM_HOLDER_OPENED, .number = dial->number};
  LIST_REMOVE(dial, link);
  if (error) {
    answer_failed(dial->asker, dial->number, error);
    loop_close(&dial->watch);
    return;
  }
  int fd = dial->watch.fd;
  loop_free(&dial->watch);
  control_give(dial->asker, &answer, fd);
}

static void dial_ready(struct watch *watch, uint32_t events)
{
  int error = 0;
  socklen_t length = sizeof(error);
  (void)events;
  getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &error, &length);
  end_dial((struct dial *)watch, error);
}

static void begin_dial(peer_id from, const struct km_holder_message *message)
{
  struct space *space = space_find(message->netns);
  struct sockaddr_storage name;
  socklen_t length = address_to_socket(message->address, message->port, &name);
  int yes = 1, fd = -1;
  struct dial *dial;
  errno = ENONET;
  if (space) fd = space_socket(space, name.ss_family);
  if (fd < 0) {
    answer_failed(from, message->number, errno);
    return;
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  if (connect(fd, (struct sockaddr *)&name, length) != 0 && errno != EINPROGRESS) {
    answer_failed(from, message->number, errno);
    close(fd);
    return;
  }
  dial = calloc(1, sizeof(*dial));
  dial->watch.fd = fd;
  dial->watch.ready = dial_ready;
  dial->asker = from;
  dial->number = message->number;
  dial->until = now_ms() + message->count;
  LIST_INSERT_HEAD(&dials, dial, link);
  loop_watch(&dial->watch, EPOLLOUT);
}

static void listen_in(peer_id from, const struct km_holder_message *message, int fd)
{
  struct km_holder_message answer = {.kind = KM_HOLDER_LISTENING, .number = message->number};
  struct space *space = fd >= 0 ? space_enter(fd) : space_own();
  int error = space && !drained_at ? listener_open(space, &answer.port, &answer.source_port) : errno ? errno : ESHUTDOWN;
  if (error) {
    answer_failed(from, message->number, error);
    return;
  }
  answer.netns = space->cookie;
  control_send(from, &answer, NO_FD, NO_FD);
}

static void forget(__u64 netns)
{
  struct space *space = space_find(netns);
  if (space == NULL || space == space_own()) return;
  listener_close(space);
  pool_empty(space);
  space_forget(space);
}

static void drain(__u32 milliseconds)
{
  if (drained_at) return;
  drained_at = now_ms() + milliseconds;
  listener_close_all();
  pool_drain();
  client_drain();
}

static struct client *handed(peer_id from, __u64 cookie)
{
  struct client *client = client_find(cookie);
  return client && client->mode == CLIENT_MODE_HANDED && client->owner == from ? client : NULL;
}

void request_handle(peer_id from, const struct km_holder_message *message, int fd)
{
  struct client *client;
  struct upstream *upstream;
  int kept = NO_FD;
  switch (message->kind) {
  case KM_HOLDER_LISTEN:
    listen_in(from, message, fd);
    kept = fd;
    break;
  case KM_HOLDER_FORGET:
    forget(message->netns);
    break;
  case KM_HOLDER_RETURNED:
    if ((client = handed(from, message->connection))) client_returned(client, message->bytes, message->written);
    handed_back++;
    break;
  case KM_HOLDER_CLOSED:
    if ((client = handed(from, message->connection))) client_end(client, message->number == 1);
    break;
  case KM_HOLDER_OPEN:
    begin_dial(from, message);
    break;
  case KM_HOLDER_WARM:
    pool_warm(message->netns, message->address, message->port, message->state, message->count);
    break;
  case KM_HOLDER_RELAYED:
    upstream = pool_upstream(message->upstream);
    if (upstream && upstream->mode == UPSTREAM_MODE_HANDED && upstream->owner == from) upstream_relayed(upstream, message->number == 0);
    break;
  case KM_HOLDER_DRAIN:
    drain(message->count);
    break;
  }
  if (fd >= 0 && fd != kept) close(fd);
}

void request_lost(peer_id gone)
{
  struct client *client, *next;
  upstream_lost_owner(gone);
  for (client = TAILQ_FIRST(&clients_by_mode[CLIENT_MODE_HANDED]); client; client = next) {
    next = TAILQ_NEXT(client, link);
    if (client->owner == gone) client_end(client, 1);
  }
}

void request_arrived(void)
{
  struct client *client;
  while ((client = TAILQ_FIRST(&clients_by_mode[CLIENT_MODE_QUEUED]))) client_requeue(client);
  upstream_sweep();
}

void request_sweep(void)
{
  struct dial *dial, *next;
  for (dial = LIST_FIRST(&dials); dial; dial = next) {
    next = LIST_NEXT(dial, link);
    if (now_ms() >= dial->until) end_dial(dial, ETIMEDOUT);
  }
  if (drained_at && (client_count() == 0 || now_ms() >= drained_at)) loop_end();
}

static unsigned length_of(const struct client_list *list)
{
  unsigned length = 0;
  struct client *client;
  TAILQ_FOREACH(client, list, link) length++;
  return length;
}

void request_count(__u64 counters[12])
{
  counters[KM_HOLDER_COUNT_ACCEPTED] = accepted;
  counters[KM_HOLDER_COUNT_CONNECTIONS] = client_count();
  counters[KM_HOLDER_COUNT_HANDED] = length_of(&clients_by_mode[CLIENT_MODE_HANDED]);
  counters[KM_HOLDER_COUNT_RETURNED] = handed_back;
  pool_count(&counters[KM_HOLDER_COUNT_OPENED], &counters[KM_HOLDER_COUNT_OPEN_FAILED], &counters[KM_HOLDER_COUNT_IDLE]);
  counters[KM_HOLDER_COUNT_TIMED_OUT] = timed_out;
  counters[KM_HOLDER_COUNT_UPSTREAM_LOST] = upstream_lost;
  counters[KM_HOLDER_COUNT_RELAYED] = relayed;
  counters[KM_HOLDER_COUNT_WAITING] = length_of(&clients_by_mode[CLIENT_MODE_WAITING]) + length_of(&clients_by_mode[CLIENT_MODE_QUEUED]);
  counters[KM_HOLDER_COUNT_SERVING] = control_serving() != 0;
}
