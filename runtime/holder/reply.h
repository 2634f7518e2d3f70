/* The two answers that the holder gives itself, as Envoy words them. Bytes written, or -1. */
#pragma once
#include "edit.h"
#include "holder.h"
#include <sys/types.h>

struct reply_manner {
  int bodiless; /* to HEAD */
  int last;     /* the connection ends behind it */
  const struct km_edits *edits; /* of its head; NULL: none */
};

/* The route's timeout has passed: 504 */
ssize_t reply_timeout(int fd, const struct reply_manner *manner);
/* The endpoint's connection ended before it answered: 503 */
ssize_t reply_lost(int fd, const struct reply_manner *manner);
