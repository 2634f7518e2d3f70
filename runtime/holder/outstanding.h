/* The request that an upstream has, as the sweeps judge it. In: its row, which programs change meanwhile. Out: whether anything is wrong with that request. */
#pragma once
#include "tables.h"

struct outstanding {
  __u64 owner; /* cookie of the client; 0: there is none */
  int over;    /* its time is */
  int alone;   /* its client is no more */
};

/* As it is at one moment. 0: programs have ended it or begun another one meanwhile, so nothing is wrong with it */
int outstanding_read(const struct km_upstream *row, struct outstanding *seen);
