/* Where a response's body ends. The state is that of the programs, in km_upstream: phase, remaining, line. */
#pragma once
#include "tables.h"

/*
 * How many of these bytes belong to the body: fewer than `size` when it ends before, 0 without `complete` when a chunk is malformed.
 * `complete` is 1 with its last byte.
 */
size_t body_end(struct km_upstream *row, const __u8 *bytes, size_t size, int *complete);
