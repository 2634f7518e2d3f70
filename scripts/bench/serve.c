// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server for measurements: epoll, one thread, one fixed answer.
//
//   serve ADDRESS PORT
//
// In: any request head that ends in an empty line. Out: 200 with two bytes, or with N bytes for a path "/N".
// "Connection: close" in the request makes the server close first, so TIME_WAIT stays on its side. Prints "ready" once it listens.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FD = 8192, HEAD = 1024, CHUNK = 1 << 18, EVENTS = 256 };

struct client {
	int used, closing;
	size_t have;    // bytes of the request head
	size_t left;    // body bytes still to write
	char head[HEAD];
};

static struct client clients[MAX_FD];
static char zeros[CHUNK];
static int poller;

static void drop(int fd)
{
	close(fd);
	clients[fd].used = 0;
}

static void watch(int fd, unsigned events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event);
}

// Writes what is left of a body; 0 when all is written, 1 when the socket is full, -1 when it is gone.
static int push(int fd, struct client *c)
{
	while (c->left > 0) {
		ssize_t n = send(fd, zeros, c->left < CHUNK ? c->left : CHUNK, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN ? 1 : -1;
		c->left -= n;
	}
	return 0;
}

static void answer(int fd, struct client *c)
{
	char reply[256];
	size_t size = 2;
	int n;

	if (!strncmp(c->head, "GET /", 5) && c->head[5] >= '0' && c->head[5] <= '9')
		size = strtoull(c->head + 5, NULL, 10);
	c->closing = strcasestr(c->head, "\r\nconnection: close") != NULL;
	n = snprintf(reply, sizeof(reply), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n%s", size,
		     c->closing ? "Connection: close\r\n" : "", size == 2 ? "ok" : "");
	if (send(fd, reply, n, MSG_NOSIGNAL) != n) {
		drop(fd);
		return;
	}
	c->have = 0;
	c->left = size == 2 ? 0 : size;
	n = push(fd, c);
	if (n > 0)
		watch(fd, EPOLLOUT);
	else if (n < 0 || c->closing)
		drop(fd);
}

static void readable(int fd, struct client *c)
{
	ssize_t n = recv(fd, c->head + c->have, HEAD - 1 - c->have, 0);

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			drop(fd);
		return;
	}
	c->have += n;
	c->head[c->have] = 0;
	if (strstr(c->head, "\r\n\r\n"))
		answer(fd, c);
	else if (c->have == HEAD - 1)
		drop(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct epoll_event events[EVENTS], event = { .events = EPOLLIN };
	int one = 1, listener;

	if (argc != 3 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
		fprintf(stderr, "usage: serve ADDRESS PORT\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	address.sin_port = htons(atoi(argv[2]));
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (void *)&address, sizeof(address)) || listen(listener, 4096)) {
		perror("serve");
		return 1;
	}
	poller = epoll_create1(EPOLL_CLOEXEC);
	event.data.fd = listener;
	epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(poller, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd != listener) {
				struct client *c = &clients[fd];

				if (!c->used)
					continue;
				if (events[i].events & EPOLLOUT) {
					int state = push(fd, c);

					if (state < 0 || (state == 0 && c->closing))
						drop(fd);
					else if (state == 0)
						watch(fd, EPOLLIN);
				} else {
					readable(fd, c);
				}
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
				if (fd >= MAX_FD) {
					close(fd);
					continue;
				}
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
				clients[fd].used = 1;
				clients[fd].have = clients[fd].left = 0;
				event.data.fd = fd;
				epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
			}
		}
	}
}
