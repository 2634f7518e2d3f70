/* SPDX-License-Identifier: Apache-2.0
 * Decisions as fast as a thread can ask for them. In: argv FIRST PORT SERVICES, where the services are at FIRST and the addresses behind it; the place of a decision is the source address that connect() chose
 * for a UDP socket, as each endpoint's address is one of this namespace. Out: a line "at STATE FROM" whenever decisions come from another state than before (FROM: how many were made by then), "wrong SERVICE ADDRESS" for an answer
 * that belongs to another service, "failed SERVICE ERRNO", and when standard input ends "end DECISIONS". No packet is sent.
 *
 * An endpoint is 10.96.STATE.(16 * VARIANT + SERVICE); what is told as the state is STATE.VARIANT.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BETWEEN_LOOKS 256
#define MOST_WRONG 100

/* A socket whose endpoint left is released (SOCK_DESTROY), also between its connect() and the look at it: it has no address then. */
static int is_aborted(int fd)
{
	int error = 0;
	socklen_t length = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == ECONNABORTED;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	const uint32_t first = ntohl(inet_addr(argv[1]));
	const uint16_t port = htons(atoi(argv[2]));
	const int services = atoi(argv[3]);
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	unsigned long long decisions = 0;
	int state = -1, wrong = 0, fd = -1;
	struct pollfd input = {.fd = 0, .events = POLLIN};

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (;;) {
		for (int turn = 0; turn < BETWEEN_LOOKS; turn++) {
			const int service = 1 + turn % services;
			struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(first + service - 1)};
			struct sockaddr_in from = {0};
			socklen_t length = sizeof(from);
			if (fd < 0)
				fd = socket(AF_INET, SOCK_DGRAM, 0);
			if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 || getsockname(fd, (struct sockaddr *)&from, &length) != 0) {
				if (errno != ECONNABORTED && wrong++ < MOST_WRONG)
					printf("failed %d %d\n", service, errno);
				close(fd);
				fd = -1;
				continue;
			}
			decisions++;
			if (from.sin_addr.s_addr == 0 && is_aborted(fd)) {
				close(fd);
				fd = -1;
				continue;
			}
			const uint32_t address = ntohl(from.sin_addr.s_addr);
			const int now = (address >> 8 & 0xff) << 4 | (address >> 4 & 0xf);
			if ((address & 0xf) != (uint32_t)service || address >> 16 != (10 << 8 | 96)) {
				if (wrong++ < MOST_WRONG)
					printf("wrong %d %s\n", service, inet_ntoa(from.sin_addr));
			} else if (now != state) {
				state = now;
				printf("at %d.%d %llu\n", now >> 4, now & 0xf, decisions);
			}
			/* else the next decision would keep the source address of this one */
			connect(fd, &none, sizeof(none));
		}
		if (poll(&input, 1, 0) != 0)
			break;
	}
	printf("end %llu\n", decisions);
	return 0;
}
