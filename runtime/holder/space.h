/* Network namespaces: sockets are made inside them, everything else happens outside. */
#pragma once
#include "holder.h"

struct listener;

struct space {
  __u64 cookie; /* of the namespace, as bpf_get_netns_cookie gives it */
  int fd;       /* -1: the holder's own */
  int forgotten;
  struct listener *v4;
  struct listener *v6;
  struct space *next;
};

/* At start: the namespace that the holder is in */
void space_open(void);
struct space *space_find(__u64 cookie);
struct space *space_own(void);
/* The namespace of an open /proc/PID/ns/net, which is taken or closed. NULL with errno when it cannot be entered */
struct space *space_enter(int fd);
/* A non-blocking TCP socket of that namespace; -1 with errno */
int space_socket(const struct space *space, int family);
/* Gives up the descriptor that keeps the namespace alive; what is open in it stays */
void space_forget(struct space *space);
