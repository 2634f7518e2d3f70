/* The rest of an answer that is too long for the kernel's queues: moved here, no faster than the client reads. */
#pragma once
#include "pool.h"

/* The head and a part of the body went to the client already. 0: bytes of the kernel are still on their way; later */
int pump_begin(struct upstream *upstream, struct client *client);
/* The client's socket can be written to */
void pump_client_ready(struct client *client);
/* The rest of the answer will not come, or nobody waits for it */
void pump_end_lost(struct upstream *upstream);
/* The client is gone: so is its answer */
void pump_abandon(struct client *client);
