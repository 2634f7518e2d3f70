// SPDX-License-Identifier: Apache-2.0
// A client for what wrk cannot do: connections that the client closes, latency from connect() on, in nanoseconds. Epoll, one thread.
//
//   dial connect|keepalive ADDRESS PORT CONNECTIONS SECONDS REQUEST...
//
// connect: a new TCP connection for each request, closed by the client once the answer is complete. keepalive: requests on open connections.
// The requests (whole texts, without body) are sent in turn, each at least once. In: answers with Content-Length; another status than 200, an early end and silence for two
// seconds are failures. Out: one JSON line {"requests","failed","seconds","p50","p99"}, latencies in microseconds. A failed connection is made again.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 512, BUFFER = 1 << 18, MAX_SAMPLES = 1 << 22, MOST_FAILURES = 1000 };

struct flow {
	int fd, connected, body;
	uint64_t start;
	size_t have;
	uint64_t left;
	char head[1024];
};

static struct sockaddr_in address;
static struct flow flows[MAX_CONNECTIONS];
static char **requests, buffer[BUFFER];
static int request_count, request_next, poller, reuse;
static uint64_t finished, failed, deadline;
static uint32_t *latency;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

// Whether no more is to be asked: time is up, and each request was sent once.
static int over(void)
{
	return now() >= deadline && request_next >= request_count;
}

static void open_flow(struct flow *f)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = f };
	int one = 1;

	f->start = now();
	f->connected = 0;
	f->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(f->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(f->fd, (void *)&address, sizeof(address)) && errno != EINPROGRESS) {
		failed++;
		close(f->fd);
		f->fd = -1;
		return;
	}
	epoll_ctl(poller, EPOLL_CTL_ADD, f->fd, &event);
}

static int ask(struct flow *f)
{
	const char *text = requests[request_next++ % request_count];
	size_t size = strlen(text);

	f->have = f->body = 0;
	return send(f->fd, text, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

static void end_flow(struct flow *f)
{
	close(f->fd);
	f->fd = -1;
	if (!over() && failed < MOST_FAILURES)
		open_flow(f);
}

static void answered(struct flow *f)
{
	if (finished < MAX_SAMPLES)
		latency[finished++] = (now() - f->start) / 10;
	if (!reuse) {
		end_flow(f);
		return;
	}
	f->start = now();
	if (over()) {
		end_flow(f);
	} else if (ask(f)) {
		failed++;
		end_flow(f);
	}
}

// Reads what has come; 1: the answer is complete, 0: more is to come, -1: it is no answer.
static int take(struct flow *f)
{
	for (;;) {
		ssize_t n = f->body ? recv(f->fd, buffer, BUFFER, MSG_TRUNC) : recv(f->fd, f->head + f->have, sizeof(f->head) - 1 - f->have, 0);
		char *end, *length;

		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		if (n == 0)
			return -1;
		if (f->body) {
			f->left -= (uint64_t)n < f->left ? (uint64_t)n : f->left;
		} else {
			f->have += n;
			f->head[f->have] = 0;
			end = strstr(f->head, "\r\n\r\n");
			if (!end && f->have == sizeof(f->head) - 1)
				return -1;
			if (!end)
				continue;
			length = strcasestr(f->head, "\r\ncontent-length:");
			if (strncmp(f->head, "HTTP/1.1 200", 12) || !length)
				return -1;
			f->left = strtoull(length + 17, NULL, 10) - (f->have - (end + 4 - f->head));
			f->body = 1;
		}
		if (f->left == 0)
			return 1;
	}
}

static void event_on(struct flow *f, unsigned events)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = f };
	int state;

	if (f->fd < 0)
		return;
	if (!f->connected) {
		f->connected = 1;
		epoll_ctl(poller, EPOLL_CTL_MOD, f->fd, &event);
		state = (events & (EPOLLERR | EPOLLHUP)) || ask(f) ? -1 : 0;
	} else {
		state = take(f);
	}
	if (state > 0)
		answered(f);
	if (state < 0) {
		failed++;
		end_flow(f);
	}
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	struct epoll_event events[MAX_CONNECTIONS];
	uint64_t begin, end;
	int connections, open;

	address.sin_family = AF_INET;
	if (argc < 7 || inet_pton(AF_INET, argv[2], &address.sin_addr) != 1 || (connections = atoi(argv[4])) < 1 || connections > MAX_CONNECTIONS) {
		fprintf(stderr, "usage: dial connect|keepalive ADDRESS PORT CONNECTIONS SECONDS REQUEST...\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	address.sin_port = htons(atoi(argv[3]));
	reuse = !strcmp(argv[1], "keepalive");
	requests = argv + 6;
	request_count = argc - 6;
	latency = malloc(MAX_SAMPLES * sizeof(*latency));
	poller = epoll_create1(EPOLL_CLOEXEC);
	begin = now();
	deadline = begin + atof(argv[5]) * 1e9;
	for (int i = 0; i < connections; i++)
		open_flow(&flows[i]);
	for (;;) {
		int n = epoll_wait(poller, events, MAX_CONNECTIONS, 2000);

		for (int i = 0; i < n; i++)
			event_on(events[i].data.ptr, events[i].events);
		open = 0;
		for (int i = 0; i < connections; i++)
			open += flows[i].fd >= 0;
		if (n <= 0)
			failed += open;
		if (n <= 0 || !open)
			break;
	}
	end = now();
	qsort(latency, finished, sizeof(*latency), by_value);
	printf("{\"requests\":%lu,\"failed\":%lu,\"seconds\":%.6f,\"p50\":%.2f,\"p99\":%.2f}\n", finished, failed, (end - begin) / 1e9,
	       finished ? latency[finished / 2] / 100.0 : 0, finished ? latency[finished * 99 / 100] / 100.0 : 0);
	return 0;
}
