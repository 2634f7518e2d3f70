/* Listening sockets: one for each network namespace and family. */
#pragma once
#include "space.h"

/* Makes those that are missing, and writes km_acceptor. Ports are 0 where a family does not exist. 0, or an errno when there is neither */
int listener_open(struct space *space, __u16 *port4, __u16 *port6);
void listener_close(struct space *space);
/* Of all namespaces */
void listener_close_all(void);
/* At start: what a holder before this one left in km_acceptor */
void listener_reset(void);
/* Accepts whoever waits, now. */
void listener_accept_all(void);
extern __u64 accepted;
