/* Counts how often astout syncs: a byte a sync in the file that SYNCS names. Loaded by LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int synced(int fd, const char *name) {
    static int count = -1;
    const char *path = getenv("SYNCS");
    if (count < 0 && path) count = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (count >= 0 && write(count, ".", 1) != 1) abort();
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
}

int fsync(int fd) { return synced(fd, "fsync"); }
int fdatasync(int fd) { return synced(fd, "fdatasync"); }
