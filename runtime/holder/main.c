/*
 * kmesh-holder DIRECTORY PINS CGROUP: started by `kmesh-runtime serve`, in a session of its own. DIRECTORY is for its control socket, PINS holds the maps of
 * the instance, CGROUP is the cgroup that it moves into (programs that know pooled connections are attached there).
 * Says "ready" on standard output when it can be talked to. Ends on SIGTERM, or when Node has drained it.
 */
#define _GNU_SOURCE
#include "control.h"
#include "events.h"
#include "fence.h"
#include "instance.h"
#include "listener.h"
#include "request.h"
#include "upstream.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define SWEEP 100
#define TEND 1000

static void sweep(void)
{
  upstream_sweep();
  client_sweep();
  request_sweep();
}

static void tend(void)
{
  clock_tick();
  pool_tend();
  client_tend();
  if (instance_is_gone()) loop_end();
}

static void ended(int signal)
{
  (void)signal;
  loop_end();
}

static void join_cgroup(const char *cgroup)
{
  char path[512];
  int fd;
  snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
  fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "0", 1) != 1) {
    say("%s: %m", path);
    exit(1);
  }
  close(fd);
}

/* All that is needed: other network namespaces, large buffers, programs. Fails where there are fewer: then these are all there are. */
static void drop_capabilities(void)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {{0}};
  static const int kept[] = {CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_BPF};
  for (unsigned i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
    data[CAP_TO_INDEX(kept[i])].permitted |= CAP_TO_MASK(kept[i]);
    data[CAP_TO_INDEX(kept[i])].effective |= CAP_TO_MASK(kept[i]);
  }
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  syscall(SYS_capset, &header, data);
}

int main(int count, char **arguments)
{
  struct rlimit files;
  if (count != 4) {
    fprintf(stderr, "usage: kmesh-holder DIRECTORY PINS CGROUP (kmesh-runtime serve starts it)\n");
    return 2;
  }
  /* of the process that started this one, nothing is kept but the standard streams */
  syscall(SYS_close_range, 3, ~0U, 0);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, ended);
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  loop_open();
  tables_open(arguments[2]);
  instance_open(arguments[2]);
  join_cgroup(arguments[3]);
  control_open(arguments[1]);
  drop_capabilities();
  space_open();
  client_open();
  pool_open();
  fence_open();
  listener_reset();
  clock_tick();
  events_open();
  loop_every(SWEEP, sweep);
  loop_every(TEND, tend);
  if (write(STDOUT_FILENO, "ready\n", 6) != 6) return 1;
  close(STDOUT_FILENO);
  loop_run();
  listener_close_all();
  if (instance_is_gone()) instance_sweep(arguments[1], arguments[3]);
  return 0;
}
