/* The two answers that the holder gives itself, as Envoy words them. Bytes written, or -1. `bodiless`: to HEAD */
#pragma once
#include "holder.h"
#include <sys/types.h>

/* The route's timeout has passed: 504 */
ssize_t reply_timeout(int fd, int bodiless);
/* The endpoint's connection ended before it answered: 503 */
ssize_t reply_lost(int fd, int bodiless);
