/* Heads of responses that a route changes (proto/http/editing.ts). */
#pragma once
#include "tables.h"
#include <stddef.h>

/* What the request of this upstream took along; NULL: the head stays as it is */
const struct km_edits *edits_of(const struct km_upstream *upstream);
/*
 * The new head of `head`, which is whole with its empty line, into `out`. `status`: three digits, as formats see them. Its length; 0: there is no room for it.
 */
size_t edit_head(const struct km_edits *edits, const char *head, size_t length, const char *status, char *out, size_t room);
/* `connection: close`, behind all edits, as Envoy's codec writes it: into a head with room for LAST_LINE_BYTES more. Its new length */
#define LAST_LINE_BYTES 19
size_t say_last(char *head, size_t length);
