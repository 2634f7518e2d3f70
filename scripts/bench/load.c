// SPDX-License-Identifier: Apache-2.0
// Load generator for measurements: epoll, one thread, a fixed number of requests.
//
//   load connect|keepalive|bytes ADDRESS[,ADDRESS...] PORT CONCURRENCY WARMUP COUNT SIZE CPU
//
// Connections go to the addresses in turn. The first WARMUP requests are not measured; the clocks start with the next one.
// connect: a new TCP connection for each request, closed by the server; latency from connect() to the last byte of the answer.
// keepalive: COUNT requests over CONCURRENCY connections that are made before the clock starts.
// bytes: as keepalive, with answers of SIZE bytes (0: two bytes).
// CPU: a cpu.stat of cgroup v2, read when the clocks start and when they stop, so that the making of processes is not measured.
// Out: one JSON line {"requests","failed","seconds","cpu_us","p50_us","p99_us","mean_us"}. A failed request is counted and made up for by none.
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

enum { MAX_CONCURRENCY = 512, MAX_ADDRESSES = 16, BUFFER = 1 << 18 };

struct flow {
	int fd, sent, busy;
	uint64_t start;
	size_t have;      // bytes of the answer's head, while it is not complete
	uint64_t left;    // body bytes still to come, once the head is complete
	int body;
	char head[512];
};

static struct sockaddr_in addresses[MAX_ADDRESSES];
static int address_count, address_next;
static struct flow flows[MAX_CONCURRENCY];
static char request[128], buffer[BUFFER];
static size_t request_size;
static int poller, reuse;
static uint64_t started, finished, failed, warmup, count, begin, cpu_begin;
static const char *cpu_file;
static uint32_t *latency;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t cpu_us(void)
{
	unsigned long long used = 0;
	FILE *file = fopen(cpu_file, "r");

	if (!file || fscanf(file, "usage_usec %llu", &used) != 1) {
		fprintf(stderr, "load: %s: no usage_usec\n", cpu_file);
		exit(1);
	}
	fclose(file);
	return used;
}

static const struct sockaddr *next_address(void)
{
	return (const void *)&addresses[address_next++ % address_count];
}

static void send_request(struct flow *f)
{
	f->sent = 1;
	f->have = f->body = 0;
	if (send(f->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size)
		f->sent = -1;
}

static int open_flow(struct flow *f)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = f };
	int one = 1;

	f->sent = 0;
	f->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(f->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(f->fd, next_address(), sizeof(*addresses)) && errno != EINPROGRESS) {
		close(f->fd);
		f->fd = -1;
		return -1;
	}
	epoll_ctl(poller, EPOLL_CTL_ADD, f->fd, &event);
	return 0;
}

// Starts the flow's next request, if any is left.
static void next(struct flow *f)
{
	f->busy = 0;
	while (started < warmup + count) {
		if (started++ == warmup) {
			cpu_begin = cpu_us();
			begin = now();
		}
		f->busy = 1;
		f->start = now();
		if (reuse && f->fd >= 0) {
			send_request(f);
			return;
		}
		if (!open_flow(f))
			return;
		failed++;
		f->busy = 0;
	}
}

static void done(struct flow *f, int good)
{
	if (good && f->busy)
		latency[finished++] = (now() - f->start) / 10;
	else if (f->busy)
		failed++;
	f->busy = 0;
	if (reuse && good) {
		next(f);
		return;
	}
	close(f->fd);
	f->fd = -1;
	next(f);
}

// Reads what has come; 1 when the answer is complete, 0 when more is to come, -1 at an early end.
static int take(struct flow *f)
{
	for (;;) {
		char *into = f->body ? buffer : f->head + f->have;
		ssize_t n = recv(f->fd, into, f->body ? BUFFER : sizeof(f->head) - 1 - f->have, f->body ? MSG_TRUNC : 0);
		char *end, *length;

		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		if (n == 0)
			return -1;
		if (f->body) {
			f->left -= (uint64_t)n < f->left ? (uint64_t)n : f->left;
			if (f->left == 0)
				return 1;
			continue;
		}
		f->have += n;
		f->head[f->have] = 0;
		end = strstr(f->head, "\r\n\r\n");
		if (!end) {
			if (f->have == sizeof(f->head) - 1)
				return -1;
			continue;
		}
		length = strcasestr(f->head, "\r\ncontent-length:");
		if (strncmp(f->head, "HTTP/1.1 200", 12) || !length)
			return -1;
		f->left = strtoull(length + 17, NULL, 10) - (f->have - (end + 4 - f->head));
		f->body = 1;
		if (f->left == 0)
			return 1;
	}
}

static void event_on(struct flow *f, unsigned events)
{
	int state, error = 0;
	socklen_t size = sizeof(error);

	if (f->sent == 0) {
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = f };

		getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error || (events & (EPOLLERR | EPOLLHUP))) {
			done(f, 0);
			return;
		}
		epoll_ctl(poller, EPOLL_CTL_MOD, f->fd, &event);
		send_request(f);
		if (f->sent < 0)
			done(f, 0);
		return;
	}
	if (f->sent == 2) {    // the answer is in; the server closes
		if (recv(f->fd, buffer, BUFFER, 0) <= 0) {
			close(f->fd);
			f->fd = -1;
			next(f);
		}
		return;
	}
	state = take(f);
	if (state < 0)
		done(f, 0);
	if (state > 0 && reuse)
		done(f, 1);
	if (state > 0 && !reuse) {
		latency[finished++] = (now() - f->start) / 10;
		f->busy = 0;
		f->sent = 2;
		event_on(f, 0);
	}
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

// The addresses of a list; 0 when it is none.
static int read_addresses(char *list, int port)
{
	for (char *one = strtok(list, ","); one && address_count < MAX_ADDRESSES; one = strtok(NULL, ",")) {
		struct sockaddr_in *address = &addresses[address_count++];

		address->sin_family = AF_INET;
		address->sin_port = htons(port);
		if (inet_pton(AF_INET, one, &address->sin_addr) != 1)
			return 0;
	}
	return address_count > 0;
}

int main(int argc, char **argv)
{
	struct epoll_event events[MAX_CONCURRENCY];
	uint64_t end, cpu, sum = 0, measured;
	int concurrency;

	if (argc != 9 || !read_addresses(argv[2], atoi(argv[3])) || (concurrency = atoi(argv[4])) < 1 || concurrency > MAX_CONCURRENCY) {
		fprintf(stderr, "usage: load connect|keepalive|bytes ADDRESS[,ADDRESS...] PORT CONCURRENCY WARMUP COUNT SIZE CPU\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	warmup = strtoull(argv[5], NULL, 10);
	count = strtoull(argv[6], NULL, 10);
	cpu_file = argv[8];
	reuse = strcmp(argv[1], "connect") != 0;
	request_size = snprintf(request, sizeof(request), "GET /%s HTTP/1.1\r\nHost: bench\r\n%s\r\n", atoll(argv[7]) ? argv[7] : "",
				reuse ? "" : "Connection: close\r\n");
	latency = malloc((warmup + count + 1) * sizeof(*latency));
	memset(latency, 1, (warmup + count + 1) * sizeof(*latency));
	poller = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < concurrency; i++) {
		flows[i].fd = -1;
		if (reuse) {
			struct epoll_event event = { .events = EPOLLIN, .data.ptr = &flows[i] };
			int one = 1;

			flows[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
			if (connect(flows[i].fd, next_address(), sizeof(*addresses))) {
				perror("load: connect");
				return 1;
			}
			setsockopt(flows[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			epoll_ctl(poller, EPOLL_CTL_ADD, flows[i].fd, &event);
		}
	}
	for (int i = 0; i < concurrency; i++)
		next(&flows[i]);
	while (finished + failed < warmup + count) {
		int n = epoll_wait(poller, events, MAX_CONCURRENCY, 2000);

		if (n == 0) {
			failed = warmup + count - finished;
			break;
		}
		for (int i = 0; i < n; i++)
			event_on(events[i].data.ptr, events[i].events);
	}
	end = now();
	cpu = cpu_us() - cpu_begin;
	// Latencies are in the order of the answers: what is left of the warm-up stands first.
	measured = finished > warmup ? finished - warmup : 0;
	latency += finished - measured;
	qsort(latency, measured, sizeof(*latency), by_value);
	for (uint64_t i = 0; i < measured; i++)
		sum += latency[i];
	printf("{\"requests\":%lu,\"failed\":%lu,\"seconds\":%.6f,\"cpu_us\":%lu,\"p50_us\":%.2f,\"p99_us\":%.2f,\"mean_us\":%.2f}\n",
	       measured, failed, (end - begin) / 1e9, cpu, measured ? latency[measured / 2] / 100.0 : 0,
	       measured ? latency[measured * 99 / 100] / 100.0 : 0, measured ? sum / 100.0 / measured : 0);
	return 0;
}
