/* The event loop: epoll, timers, and the end of what was watched. */
#include "holder.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#define BATCH 256

static int epoll_fd = -1;
static int ended;
static struct watch *dead;

uint64_t now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint64_t now_ms(void)
{
  return now_ns() / 1000000;
}

void loop_open(void)
{
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) {
    say("epoll_create1: %m");
    exit(1);
  }
}

void loop_watch(struct watch *watch, uint32_t events)
{
  struct epoll_event event = {.events = events, .data.ptr = watch};
  int change = watch->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (events == watch->events) return;
  watch->events = events;
  epoll_ctl(epoll_fd, change, watch->fd, &event);
}

void loop_free(struct watch *watch)
{
  if (watch->fd >= 0) loop_watch(watch, 0);
  watch->fd = -1;
  watch->ready = NULL;
  watch->next_dead = dead;
  dead = watch;
}

void loop_close(struct watch *watch)
{
  int fd = watch->fd;
  /* a descriptor that others hold too stays in the epoll set when it is closed here; any other leaves it */
  if (!watch->shared) watch->events = 0;
  loop_free(watch);
  if (fd >= 0) close(fd);
}

struct timer {
  struct watch watch;
  void (*again)(void);
};

static void timer_ready(struct watch *watch, uint32_t events)
{
  uint64_t times;
  (void)events;
  if (read(watch->fd, &times, sizeof(times)) > 0) ((struct timer *)watch)->again();
}

void loop_every(int milliseconds, void (*again)(void))
{
  struct timer *timer = calloc(1, sizeof(*timer));
  struct itimerspec every = {.it_interval = {milliseconds / 1000, milliseconds % 1000 * 1000000}};
  every.it_value = every.it_interval;
  timer->watch.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  timer->watch.ready = timer_ready;
  timer->again = again;
  timerfd_settime(timer->watch.fd, 0, &every, NULL);
  loop_watch(&timer->watch, EPOLLIN);
}

static void moment_ready(struct watch *watch, uint32_t events)
{
  struct moment *moment = (struct moment *)watch;
  uint64_t times;
  (void)events;
  if (read(watch->fd, &times, sizeof(times)) <= 0) return;
  moment->pending = 0;
  moment->then();
}

void loop_soon(struct moment *moment, int milliseconds)
{
  struct itimerspec once = {.it_value = {milliseconds / 1000, milliseconds % 1000 * 1000000}};
  if (moment->pending) return;
  if (moment->watch.ready == NULL) {
    moment->watch.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    moment->watch.ready = moment_ready;
    loop_watch(&moment->watch, EPOLLIN);
  }
  moment->pending = 1;
  timerfd_settime(moment->watch.fd, 0, &once, NULL);
}

void loop_run(void)
{
  struct epoll_event events[BATCH];
  while (!ended) {
    int count = epoll_wait(epoll_fd, events, BATCH, -1);
    for (int i = 0; i < count; i++) {
      struct watch *watch = events[i].data.ptr;
      if (watch->ready) watch->ready(watch, events[i].events);
    }
    while (dead) {
      struct watch *next = dead->next_dead;
      free(dead);
      dead = next;
    }
  }
}

void loop_end(void)
{
  ended = 1;
}
