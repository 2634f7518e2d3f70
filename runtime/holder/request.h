/* See control.h for what this room answers to. */
#pragma once
/* Every 100 ms */
void request_sweep(void);
