/* SPDX-License-Identifier: Apache-2.0
 * The sweep's look at an upstream against programs that end requests and begin others of other clients as fast as they can. Both clients are there all the time, and no request is late.
 * Out: "looks N torn N wrong N": looks at a request; those that would have taken two requests for one; those that found something wrong.
 */
#include "../../runtime/holder/outstanding.c"
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define SECONDS 10
#define ENOUGH 100
#define LATER (1ULL << 62)

static struct km_client clients[2] = { { .cookie = 7001 }, { .cookie = 7002 } };
static struct km_upstream row;
static int ended;

struct km_client *client_row(__u32 number)
{
  return &clients[number];
}

uint64_t now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* In the order of km_own (bpf/lib/http/forward.h) and km_complete (bpf/lib/http/reply.h) */
static void *programs(void *nothing)
{
  for (__u32 turn = 0; !__atomic_load_n(&ended, __ATOMIC_RELAXED); turn ^= 1) {
    row.client = turn;
    row.deadline = LATER;
    row.requests++;
    __atomic_exchange_n(&row.owner, clients[turn].cookie, __ATOMIC_SEQ_CST);
    row.deadline = 0;
    __atomic_exchange_n(&row.owner, 0, __ATOMIC_SEQ_CST);
  }
  return nothing;
}

int main(void)
{
  unsigned long looks = 0, torn = 0, wrong = 0;
  uint64_t until = now_ns() + SECONDS * 1000000000ULL;
  pthread_t thread;
  pthread_create(&thread, NULL, programs, NULL);
  while (torn < ENOUGH && now_ns() < until) {
    struct outstanding seen;
    int steady = outstanding_read(&row, &seen);
    if (!seen.owner)
      continue;
    looks++;
    torn += seen.alone && !steady;
    wrong += steady && (seen.alone || seen.over);
  }
  __atomic_store_n(&ended, 1, __ATOMIC_RELAXED);
  pthread_join(thread, NULL);
  printf("looks %lu torn %lu wrong %lu\n", looks, torn, wrong);
  return 0;
}
