/* The ring buffer km_events. An event that was lost for lack of room is made up for by the sweeps. */
#include "events.h"
#include "listener.h"
#include "upstream.h"
#include <stdlib.h>
#include <bpf/libbpf.h>
#include <sys/epoll.h>

static struct ring_buffer *ring;

static int handle(void *context, void *data, size_t size)
{
  const struct km_event *event = data;
  struct upstream *upstream;
  struct client *client;
  (void)context;
  if (size < sizeof(*event)) return 0;
  switch (event->kind) {
  case KM_EVENT_OPEN:
    pool_wanted(event);
    break;
  case KM_EVENT_LOW:
    pool_low(event->row);
    break;
  case KM_EVENT_RELAY:
    if ((upstream = pool_upstream(event->upstream))) upstream_relay(upstream);
    break;
  case KM_EVENT_SPENT:
    if ((upstream = pool_upstream(event->upstream))) upstream_spent(upstream, event->client);
    break;
  case KM_EVENT_ANSWERED:
    if ((client = client_met(event->client))) client_answered(client, event->reason);
    break;
  case KM_EVENT_NAMESPACE: {
    struct km_holder_message wanted = {.kind = KM_HOLDER_WANTED, .netns = event->netns};
    control_send(control_serving(), &wanted, NO_FD, NO_FD);
    break;
  }
  }
  return 0;
}

static void events_ready(struct watch *watch, uint32_t events)
{
  (void)watch;
  (void)events;
  ring_buffer__consume(ring);
}

void events_open(void)
{
  struct watch *watch = calloc(1, sizeof(*watch));
  ring = ring_buffer__new(map_events, handle, NULL, NULL);
  if (ring == NULL) {
    say("km_events: %m");
    exit(1);
  }
  watch->fd = ring_buffer__epoll_fd(ring);
  watch->ready = events_ready;
  loop_watch(watch, EPOLLIN);
}
