// SPDX-License-Identifier: Apache-2.0
// The servers of the HTTP benchmark: epoll, one thread, one listening socket for each name.
//
//   backend ADDRESS NAME=PORT...
//
// In: requests with a head of at most 4,095 bytes, and a body of Content-Length. Out: 200 with the server's name, or with N zero bytes for "x-size: N".
// "x-want: NAME" says who was meant: another one answers 409, so that a wrong route is counted as a failure by any client. The name "any" answers to all.
// "Connection: close" makes the server close after the answer. Prints "ready" once it listens.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAX_FD = 16384, MAX_NAMES = 16, HEAD = 4096, CHUNK = 1 << 20, EVENTS = 256 };

struct client {
	const char *name;
	int closing, wrong;
	size_t size;    // bytes asked for
	size_t have;    // bytes of the head of the next request
	size_t body;    // bytes of this request's body still to come
	size_t left;    // bytes of the answer's body still to write
	char *head;
};

static struct client clients[MAX_FD];
static const char *names[MAX_NAMES];
static int listeners[MAX_NAMES], name_count;
static char zeros[CHUNK], rest[CHUNK];
static int poller;

static void drop(int fd)
{
	close(fd);
	free(clients[fd].head);
	memset(&clients[fd], 0, sizeof(*clients));
}

static void watch(int fd, unsigned events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event);
}

// Writes what is left of a body; 0: all is written, 1: the socket is full, -1: it is gone.
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

// Answers the request whose head is complete and whose body has come. 0: go on, -1: the connection is gone or waits to be writable.
static int answer(int fd, struct client *c)
{
	char head[256];
	struct iovec parts[2] = { { head, 0 }, { zeros, 0 } };
	ssize_t sent;
	int n, state;

	if (c->wrong || !c->size)
		n = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\nContent-Type: text/plain\r\nX-Backend: %s\r\n%s\r\n%s",
			     c->wrong ? "409 Conflict" : "200 OK", strlen(c->name), c->name, c->closing ? "Connection: close\r\n" : "", c->name);
	else
		n = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nContent-Type: text/plain\r\nX-Backend: %s\r\n%s\r\n",
			     c->size, c->name, c->closing ? "Connection: close\r\n" : "");
	c->left = c->wrong ? 0 : c->size;
	parts[0].iov_len = n;
	parts[1].iov_len = c->left < CHUNK ? c->left : CHUNK;
	sent = writev(fd, parts, c->left ? 2 : 1);
	if (sent < n) {
		drop(fd);
		return -1;
	}
	c->left -= sent - n;
	state = push(fd, c);
	if (state > 0)
		watch(fd, EPOLLOUT);
	else if (state < 0 || c->closing)
		drop(fd);
	return state == 0 && clients[fd].name ? 0 : -1;
}

// What the headers between the request line and the empty line say.
static void read_headers(struct client *c, char *end)
{
	c->size = c->wrong = 0;
	for (char *line = strstr(c->head, "\r\n"); line && line < end; line = strstr(line + 2, "\r\n")) {
		const char *name = line + 2;

		if (!strncasecmp(name, "content-length:", 15))
			c->body = strtoull(name + 15, NULL, 10);
		else if (!strncasecmp(name, "x-size:", 7))
			c->size = strtoull(name + 7, NULL, 10);
		else if (!strncasecmp(name, "x-want:", 7))
			c->wrong = strcmp(c->name, "any") && strncmp(name + 7 + strspn(name + 7, " "), c->name, strlen(c->name));
		else if (!strncasecmp(name, "connection: close", 17))
			c->closing = 1;
	}
}

// Takes one request out of what has come. 1: there may be another, 0: more has to come, -1: the connection is gone or waits to be writable.
static int take(int fd, struct client *c)
{
	char *end;
	size_t used;

	if (!c->body) {
		c->head[c->have] = 0;
		end = strstr(c->head, "\r\n\r\n");
		if (!end) {
			if (c->have < HEAD - 1)
				return 0;
			drop(fd);
			return -1;
		}
		read_headers(c, end);
		used = end + 4 - c->head;
		c->have -= used;
		memmove(c->head, c->head + used, c->have);
	}
	used = c->have < c->body ? c->have : c->body;
	c->body -= used;
	c->have -= used;
	memmove(c->head, c->head + used, c->have);
	if (c->body)
		return 0;
	return answer(fd, c) ? -1 : c->have > 0;
}

static void readable(int fd, struct client *c)
{
	ssize_t n;
	int state;

	if (c->body) {
		n = recv(fd, rest, c->body < CHUNK ? c->body : CHUNK, 0);
		if (n > 0) {
			c->body -= n;
			if (c->body)
				return;
			c->body = 1;    // all of it is here: take() answers after its last byte
			c->have = 1;
		}
	} else {
		n = recv(fd, c->head + c->have, HEAD - 1 - c->have, 0);
		if (n > 0)
			c->have += n;
	}
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			drop(fd);
		return;
	}
	do
		state = take(fd, c);
	while (state > 0);
}

static int listen_at(const char *host, char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct epoll_event event = { .events = EPOLLIN };
	char *port = strchr(text, '=');
	int one = 1, fd;

	if (!port || inet_pton(AF_INET, host, &address.sin_addr) != 1)
		return -1;
	*port++ = 0;
	address.sin_port = htons(atoi(port));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (void *)&address, sizeof(address)) || listen(fd, 4096)) {
		perror("backend");
		return -1;
	}
	event.data.fd = fd;
	epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
	names[name_count] = text;
	listeners[name_count++] = fd;
	return 0;
}

static void accept_all(int listener, const char *name)
{
	struct epoll_event event = { .events = EPOLLIN };
	int one = 1, fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (fd >= MAX_FD) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		clients[fd].name = name;
		clients[fd].head = malloc(HEAD);
		event.data.fd = fd;
		epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
	}
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	poller = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 2; i < argc && i < MAX_NAMES + 2; i++)
		if (listen_at(argv[1], argv[i]))
			return 1;
	if (!name_count) {
		fprintf(stderr, "usage: backend ADDRESS NAME=PORT...\n");
		return 2;
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(poller, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd, listener = 0;
			struct client *c = &clients[fd];

			while (listener < name_count && listeners[listener] != fd)
				listener++;
			if (listener < name_count) {
				accept_all(fd, names[listener]);
			} else if (c->name && (events[i].events & EPOLLOUT)) {
				int state = push(fd, c);

				if (state < 0 || (state == 0 && c->closing))
					drop(fd);
				else if (state == 0)
					watch(fd, EPOLLIN);
			} else if (c->name) {
				readable(fd, c);
			}
		}
	}
}
