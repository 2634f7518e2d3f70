/* The log: standard error, which `serve` has made a file. */
#include "holder.h"
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void say(const char *format, ...)
{
  char line[512], clock[32];
  time_t now = time(NULL);
  struct tm utc;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  strftime(clock, sizeof(clock), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
  fprintf(stderr, "%s %s\n", clock, line);
}
