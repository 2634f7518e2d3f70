/*
 * kmesh-holder: keeps the sockets of HTTP services, so that they survive the process that decides about them.
 *
 * In: the pinned maps of one instance, and messages of `kmesh-runtime serve` (proto/http/holder-protocol.ts). It accepts the clients of each network
 * namespace, keeps pools of idle connections to endpoints, watches deadlines, and hands connections that need user space to Node. It has no
 * configuration and decides nothing: who is routed where, the programs and Node decide.
 * One thread, one epoll. Invariants: every descriptor belongs to exactly one struct that closes it; what is closed while a batch of events is handled is
 * freed after the batch, so that no event meets freed memory.
 */
#pragma once
#include <stdint.h>
#include <stddef.h>
#include <linux/types.h>
#include <sys/socket.h>
#include <netinet/in.h>

/* ---------------------------------------------------------------- loop.c */

struct watch {
  int fd;
  void (*ready)(struct watch *watch, uint32_t events);
  uint32_t events; /* that are watched for */
  int shared;      /* another process may have a copy of the descriptor, or has had one */
  struct watch *next_dead;
};

void loop_open(void);
/* `events` of epoll; replaces what was asked for before. 0: not watched at all */
void loop_watch(struct watch *watch, uint32_t events);
/* Closes its descriptor now and frees the struct after this batch of events. The watch is the struct's first member */
void loop_close(struct watch *watch);
/* The same, but for the descriptor, which has another owner */
void loop_free(struct watch *watch);
/* Calls `again` every `milliseconds` */
void loop_every(int milliseconds, void (*again)(void));
/* Calls `then` once, `milliseconds` from now; asked again before that, it stays one call, at the time that was asked for first */
struct moment {
  struct watch watch;
  void (*then)(void);
  int pending;
};
void loop_soon(struct moment *moment, int milliseconds);
/* Until loop_end */
void loop_run(void);
void loop_end(void);
uint64_t now_ms(void);
uint64_t now_ns(void);

/* ---------------------------------------------------------------- progress.c */

/* Bytes that were ever written into a connection that was accepted or made, sent or not */
uint64_t bytes_written(int fd);
/* Bytes that ever came out of the network for it, read or not */
uint64_t bytes_received(int fd);
/* Cookie of a socket; 0: none */
__u64 cookie_of(int fd);
/* The other end is told at once that the connection broke, where close() would tell that it ended in order */
void make_reset(int fd);

/* ---------------------------------------------------------------- say.c: one line for the log */

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---------------------------------------------------------------- address.c */

/* Addresses as in the tables: 16 bytes, IPv4-mapped or IPv6; ports in host order */
socklen_t address_to_socket(const __u8 address[16], __u16 port, struct sockaddr_storage *into);
void address_of_socket(const struct sockaddr_storage *from, __u8 address[16], __u16 *port);
int address_is_v4(const __u8 address[16]);
