/* Local replies for requests that were forwarded and met no answer. Texts: Envoy's router filter (source/common/router/router.cc). */
#include "reply.h"
#include "tables.h"
#include <stdio.h>
#include <string.h>

static ssize_t reply(int fd, const char *status, const char *body, const struct reply_manner *manner)
{
  char plain[512], text[4096];
  size_t length;
  clock_tick();
  length = snprintf(plain, sizeof(plain), "HTTP/1.1 %s\r\ncontent-length: %zu\r\ncontent-type: text/plain\r\ndate: %s\r\nserver: envoy\r\n\r\n", status, strlen(body),
                    clock_text);
  if (manner->edits) {
    /* formats see the status of no upstream */
    length = edit_head(manner->edits, plain, length, "0", text, sizeof(text) - strlen(body) - LAST_LINE_BYTES);
  } else {
    memcpy(text, plain, length);
  }
  if (length == 0) return -1;
  if (manner->last) length = say_last(text, length);
  if (!manner->bodiless) {
    memcpy(text + length, body, strlen(body));
    length += strlen(body);
  }
  return send(fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length ? (ssize_t)length : -1;
}

ssize_t reply_timeout(int fd, const struct reply_manner *manner)
{
  return reply(fd, "504 Gateway Timeout", "upstream request timeout", manner);
}

ssize_t reply_lost(int fd, const struct reply_manner *manner)
{
  return reply(fd, "503 Service Unavailable",
               "upstream connect error or disconnect/reset before headers. reset reason: connection termination", manner);
}
