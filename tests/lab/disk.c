/* A disk that fails on demand and loses what was not synced, loaded into astout by LD_PRELOAD.
 *
 * DISK_AT       the directory that is on it
 * DISK_DURABLE  where a copy is kept of each of its files as it was when it was last synced: what a power cut leaves.
 *               A synced file has its name too, as on ext4 and XFS; a name that is gone is so once its directory is synced.
 * DISK_FAULTS   a file, read at each call: lines "CALL NAME ERRNO", where CALL is open, write, truncate or sync, and NAME
 *               is a part of the file's name, "*" of any. The call fails with that number; a long write writes the half
 *               first and fails then, as on a disk that fills up. Each failure is noted in DISK_FAULTS.done: "CALL NAME".
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t copying = PTHREAD_MUTEX_INITIALIZER;

/* The path below DISK_AT, "" for the directory itself; NULL for what is elsewhere. */
static const char *below(const char *path) {
    const char *at = getenv("DISK_AT");
    size_t length = at ? strlen(at) : 0;
    if (!at || strncmp(path, at, length) || (path[length] != '/' && path[length])) return NULL;
    return path[length] ? path + length + 1 : "";
}

static const char *name_of(int fd, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return NULL;
    path[length] = 0;
    return strstr(path, " (deleted)") ? NULL : below(path);
}

/* The errno with which that call is to fail, or 0. */
static int fault(const char *call, const char *name) {
    const char *file = getenv("DISK_FAULTS");
    if (!file || !name) return 0;
    int fd = REAL(open)(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    char text[4096];
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0) return 0;
    text[length] = 0;
    char *rest = NULL, of_call[32], of_name[256];
    int number;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (sscanf(line, "%31s %255s %d", of_call, of_name, &number) == 3 && !strcmp(of_call, call) &&
            (!strcmp(of_name, "*") || strstr(name, of_name))) {
            char done[PATH_MAX];
            snprintf(done, sizeof done, "%s.done", file);
            fd = REAL(open)(done, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
            dprintf(fd, "%s %s\n", call, name);
            close(fd);
            return number;
        }
    return 0;
}

/* The file's content as it is now is what a power cut leaves of it. */
static void keep(int fd, const char *name) {
    const char *durable = getenv("DISK_DURABLE");
    char to[PATH_MAX], part[PATH_MAX], bytes[65536];
    if (!durable) return;
    snprintf(to, sizeof to, "%s/%s", durable, name);
    snprintf(part, sizeof part, "%s/.part", durable);
    pthread_mutex_lock(&copying);
    int copy = REAL(open)(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t length;
    off_t at = 0;
    while ((length = pread(fd, bytes, sizeof bytes, at)) > 0) {
        if (REAL(write)(copy, bytes, length) != length) abort();
        at += length;
    }
    close(copy);
    if (length < 0 || rename(part, to)) abort();
    pthread_mutex_unlock(&copying);
}

/* Names that are gone from the directory are gone for good. */
static void keep_names(void) {
    const char *durable = getenv("DISK_DURABLE");
    DIR *directory = durable ? opendir(durable) : NULL;
    if (!directory) return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        char there[PATH_MAX], kept[PATH_MAX];
        snprintf(there, sizeof there, "%s/%s", getenv("DISK_AT"), entry->d_name);
        snprintf(kept, sizeof kept, "%s/%s", durable, entry->d_name);
        if (entry->d_name[0] != '.' && access(there, F_OK)) unlink(kept);
    }
    closedir(directory);
}

static int synced(int fd, int (*real)(int)) {
    char path[PATH_MAX];
    const char *name = name_of(fd, path);
    int number = fault("sync", name);
    if (number) return errno = number, -1;
    int done = real(fd);
    if (done == 0 && name && *name) keep(fd, name);
    if (done == 0 && name && !*name) keep_names();
    return done;
}

int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }

ssize_t write(int fd, const void *bytes, size_t length) {
    char path[PATH_MAX];
    int number = fd > 2 ? fault("write", name_of(fd, path)) : 0;
    if (!number) return REAL(write)(fd, bytes, length);
    if (length > 256) return REAL(write)(fd, bytes, length / 2);
    return errno = number, -1;
}

#define PWRITE(name, offset)                                                                 \
    ssize_t name(int fd, const void *bytes, size_t length, offset at) {                      \
        char path[PATH_MAX];                                                                 \
        int number = fault("write", name_of(fd, path));                                      \
        return number ? (errno = number, -1) : REAL(name)(fd, bytes, length, at);            \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(name, offset)                                                               \
    int name(int fd, offset length) {                                                        \
        char path[PATH_MAX];                                                                 \
        int number = fault("truncate", name_of(fd, path));                                   \
        return number ? (errno = number, -1) : REAL(name)(fd, length);                       \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define OPEN(name)                                                                           \
    int name(const char *path, int flags, ...) {                                             \
        va_list more;                                                                        \
        va_start(more, flags);                                                               \
        mode_t mode = va_arg(more, mode_t);                                                  \
        va_end(more);                                                                        \
        int number = fault("open", below(path));                                             \
        return number ? (errno = number, -1) : REAL(name)(path, flags, mode);                \
    }
OPEN(open)
OPEN(open64)
