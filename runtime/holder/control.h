/* The control socket: one Node that serves, others that look. */
#pragma once
#include "holder.h"
#include "protocol.gen.h"

#define NO_FD -1

/* Numbers of peers, never used again. 0: nobody */
typedef unsigned peer_id;

/* Binds DIRECTORY/holder.sock; ends the process when another holder has it */
void control_open(const char *directory);
/* The Node that takes connections */
peer_id control_serving(void);
/* Sends in order, later when the socket is full. Descriptors are copied, NO_FD for none. Dropped when the peer is gone */
void control_send(peer_id to, const struct km_holder_message *message, int first, int second);
/* As control_send, and the descriptor is closed once it was sent */
void control_give(peer_id to, const struct km_holder_message *message, int fd);

/* What a Node asks for; `fd` is owned by the callee, NO_FD: none came. In request.c */
void request_handle(peer_id from, const struct km_holder_message *message, int fd);
/* A Node is gone: what it had is lost. In request.c */
void request_lost(peer_id gone);
/* A Node serves from now on: what waited for one. In request.c */
void request_arrived(void);
/* In request.c */
void request_count(__u64 counters[12]);
