/* The instance's maps. Rows of the mapped ones are changed field by field, atomically; who writes which field says proto/http/sockets.ts. */
#pragma once
#include "holder.h"
#include "../../bpf/lib/abi.gen.h"

/* Opens what is pinned in `pins`; ends the process when something is missing */
void tables_open(const char *pins);

struct km_client *client_row(__u32 row);
struct km_upstream *upstream_row(__u64 cookie);
struct km_pool *pool_row(__u32 row);
struct km_edit *edit_row(__u32 row);
/* NULL: no such id */
struct km_state *state_row(__u32 id);

/* Descriptors */
extern int map_client_by_address, map_acceptor, map_acceptors, map_upstreams, map_server_of, map_pool_of, map_events;

/* The date as headers have it; also into km_clock */
extern char clock_text[32];
void clock_tick(void);

/* Runs the program km_client_return: 1 the client is back in the fast lane */
int run_client_return(__u64 cookie, __u32 row, __u64 passed);

/* Gives back the place of the request that `upstream` has. 1: it had one; whoever gives it back ends the request */
int release_place(struct km_upstream *upstream);
