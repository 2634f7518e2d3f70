/* What TCP knows of a connection. <linux/tcp.h> does not go with <netinet/tcp.h>, hence a file of its own. */
#include "holder.h"
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

static int info_of(int fd, struct tcp_info *info)
{
  socklen_t length = sizeof(*info);
  memset(info, 0, sizeof(*info));
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &length);
}

/* What was acknowledged, and what is still to be sent or to be acknowledged. */
uint64_t bytes_written(int fd)
{
  struct tcp_info info;
  int queued = 0;
  if (info_of(fd, &info) != 0 || ioctl(fd, SIOCOUTQ, &queued) != 0) return 0;
  return info.tcpi_bytes_acked + queued;
}

uint64_t bytes_received(int fd)
{
  struct tcp_info info;
  return info_of(fd, &info) == 0 ? info.tcpi_bytes_received : 0;
}

__u64 cookie_of(int fd)
{
  __u64 cookie = 0;
  socklen_t length = sizeof(cookie);
  return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}

void make_reset(int fd)
{
  /* unlike SO_LINGER and close(), this does not depend on copies of the descriptor that somebody else has */
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  connect(fd, &none, sizeof(none));
}
