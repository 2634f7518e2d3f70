/* What programs tell through km_events. */
#pragma once
void events_open(void);
