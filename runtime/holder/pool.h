/* Pools: idle connections of a network namespace to an endpoint, which programs claim by a bit. */
#pragma once
#include "client.h"

struct pool;

enum upstream_mode {
  UPSTREAM_MODE_CONNECTING,
  UPSTREAM_MODE_OFFERED, /* in its pool: idle or claimed, the bit tells */
  UPSTREAM_MODE_HANDED,  /* Node relays its answer */
  UPSTREAM_MODE_PUMPED   /* the holder moves the rest of its answer */
};

struct upstream {
  struct watch watch;
  enum upstream_mode mode;
  struct pool *pool;
  unsigned slot;
  __u64 cookie;
  struct pump *pump; /* while pumped */
  peer_id owner; /* while handed */
  uint64_t since; /* connecting: when it began; offered: since when each sweep met it claimed by nobody, 0: it is not; by now_ms */
  __u64 swept;    /* the last sweep that met it: pools without any that is claimed are passed over */
  int stalled;    /* not watched until the next sweep */
  int held_back;  /* it failed while its request may still be on its way, or while its client is still to be accepted; looked at again soon, with what follows */
  int why;        /* enum client_answer */
  int in_order;
  __u32 before;   /* its flags at first */
  __u32 want;     /* KM_HOLDER_CONNECTION_*: why there is no answer, where Node may try its request again; 0: there is one, or it may not */
};

/*
 * What is watched of one that is offered: its end. Its bytes are the programs', which speak up when they are nobody's. Each answer makes the socket readable for a moment:
 * watched for that, the holder would wake for every request.
 */
#define UPSTREAM_EVENTS EPOLLRDHUP

void pool_open(void);
/* The kernel asks for connections */
void pool_wanted(const struct km_event *event);
void pool_low(__u32 row);
/* So many are kept also while nobody uses them; 0: no more than others */
void pool_warm(__u64 netns, const __u8 address[16], __u16 port, __u32 endpoint, unsigned count);
/* The upstream with this cookie, NULL when it is gone */
struct upstream *pool_upstream(__u64 cookie);
/* Closes a connection that nobody may claim any more: its request, if it has one, is not answered by this */
void pool_drop(struct upstream *upstream);
/* The same, but for the place of a request, which is given back already or is a program's to give back */
void pool_close(struct upstream *upstream);
/* Opens another one in its stead, which is dropped next */
void pool_replace(struct upstream *upstream);
/* Back to be claimed */
void pool_release(struct upstream *upstream);
/* Takes its bit: 1 it was idle and is ours, 0 it has a request */
int pool_take(struct upstream *upstream);
/* Calls `look` for each that stands */
void pool_each(void (*look)(struct upstream *upstream));
/* Once a second: endpoints that left, pools that nobody uses, more than is used */
void pool_tend(void);
/* Of a namespace that was forgotten, or of all */
void pool_empty(const struct space *space);
/* Nothing is opened any more */
void pool_drain(void);
void pool_count(__u64 *opened, __u64 *open_failed, __u64 *idle);

/* Does the kernel offer it just now? */
int pool_is_idle(const struct upstream *upstream);

/* In upstream.c: something happened to one that stands */
void upstream_ready(struct watch *watch, uint32_t events);
