/* The instance that the holder serves, as long as it is pinned. */
#pragma once

void instance_open(const char *pins);
/* 1: it was taken out of the kernel; what may be there under its name is another one */
int instance_is_gone(void);
/* Nobody comes to tidy up behind it: removes what `serve` made for the holder */
void instance_sweep(const char *directory, const char *cgroup);
