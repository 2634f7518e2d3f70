/* Between addresses of the tables and those of the socket calls. */
#include "holder.h"
#include <arpa/inet.h>
#include <string.h>

static const __u8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int address_is_v4(const __u8 address[16])
{
  return memcmp(address, mapped, sizeof(mapped)) == 0;
}

socklen_t address_to_socket(const __u8 address[16], __u16 port, struct sockaddr_storage *into)
{
  memset(into, 0, sizeof(*into));
  if (address_is_v4(address)) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)into;
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    memcpy(&v4->sin_addr, address + 12, 4);
    return sizeof(*v4);
  }
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)into;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  memcpy(&v6->sin6_addr, address, 16);
  return sizeof(*v6);
}

void address_of_socket(const struct sockaddr_storage *from, __u8 address[16], __u16 *port)
{
  if (from->ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
    memcpy(address, mapped, sizeof(mapped));
    memcpy(address + 12, &v4->sin_addr, 4);
    *port = ntohs(v4->sin_port);
    return;
  }
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
  memcpy(address, &v6->sin6_addr, 16);
  *port = ntohs(v6->sin6_port);
}
