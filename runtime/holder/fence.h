/* Waiting for what workers of the kernel carry into the queues of clients (bpf/lib/http/fence.h). */
#pragma once
#include "client.h"

void fence_open(void);
/* Such bytes may still be on their way */
int fence_is_needed(const struct km_client *row);
/* Sends a fence behind them, unless one is on its way; client_arrived is called when it has come through. 1: soon it may need help, ask again */
int fence_send(struct client *client, struct km_client *row);
