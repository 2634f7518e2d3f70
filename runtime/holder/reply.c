/* Local replies for requests that were forwarded and met no answer. Texts: Envoy's router filter (source/common/router/router.cc). */
#include "reply.h"
#include "tables.h"
#include <stdio.h>
#include <string.h>

static ssize_t reply(int fd, const char *status, const char *body, int bodiless)
{
  char text[512];
  clock_tick();
  int length = snprintf(text, sizeof(text),
                        "HTTP/1.1 %s\r\ncontent-length: %zu\r\ncontent-type: text/plain\r\ndate: %s\r\nserver: envoy\r\n\r\n%s", status,
                        strlen(body), clock_text, bodiless ? "" : body);
  ssize_t sent = send(fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent == length ? sent : -1;
}

ssize_t reply_timeout(int fd, int bodiless)
{
  return reply(fd, "504 Gateway Timeout", "upstream request timeout", bodiless);
}

ssize_t reply_lost(int fd, int bodiless)
{
  return reply(fd, "503 Service Unavailable",
               "upstream connect error or disconnect/reset before headers. reset reason: connection termination", bodiless);
}
