/* Whether the instance is still there: its pins are what everybody else goes by. */
#include "instance.h"
#include "holder.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/stat.h>

static char pin[512];
static ino_t pinned;

void instance_open(const char *pins)
{
  struct stat file;
  snprintf(pin, sizeof(pin), "%s/km_events", pins);
  pinned = stat(pin, &file) == 0 ? file.st_ino : 0;
}

int instance_is_gone(void)
{
  struct stat file;
  return stat(pin, &file) != 0 || file.st_ino != pinned;
}

void instance_sweep(const char *directory, const char *cgroup)
{
  /* what is kept there of an artifact may belong to an instance that was just made under the same name */
  static const char *const own[] = {"holder.sock", "holder.log", "holder.log.1"};
  char path[600];
  int fd;
  for (unsigned i = 0; i < sizeof(own) / sizeof(*own); i++) {
    snprintf(path, sizeof(path), "%s/%s", directory, own[i]);
    unlink(path);
  }
  rmdir(directory);
  snprintf(path, sizeof(path), "%s/../../cgroup.procs", cgroup);
  fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "0", 1) != 1) return;
  rmdir(cgroup);
}
