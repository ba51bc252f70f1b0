/* Preloaded: makes the n-th write or sync of the store's file fail with EIO, and all syncs after it succeed, as Linux does
 * after it has dropped the pages. FAIL_IO_AT is n, FAIL_IO_PATH the end of the file's path. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_int watched[4096];
static atomic_int calls;

static int note(int fd, const char *path) {
  const char *end = getenv("FAIL_IO_PATH");
  if (fd >= 0 && fd < 4096) {
    size_t a = strlen(path), b = end ? strlen(end) : 0;
    watched[fd] = b > 0 && a >= b && strcmp(path + a - b, end) == 0;
  }
  return fd;
}

static int fails(int fd) {
  const char *at = getenv("FAIL_IO_AT");
  if (fd < 0 || fd >= 4096 || !watched[fd] || !at) return 0;
  if (atomic_fetch_add(&calls, 1) + 1 != atoi(at)) return 0;
  errno = EIO;
  return 1;
}

#define NEXT(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

int open(const char *path, int flags, ...) { va_list l; va_start(l, flags); int mode = va_arg(l, int); va_end(l); return note(NEXT(open)(path, flags, mode), path); }
int open64(const char *path, int flags, ...) { va_list l; va_start(l, flags); int mode = va_arg(l, int); va_end(l); return note(NEXT(open64)(path, flags, mode), path); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { return fails(fd) ? -1 : NEXT(pwrite)(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { return fails(fd) ? -1 : NEXT(pwrite64)(fd, b, n, o); }
ssize_t writev(int fd, const struct iovec *v, int n) { return fails(fd) ? -1 : NEXT(writev)(fd, v, n); }
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t o) { return fails(fd) ? -1 : NEXT(pwritev)(fd, v, n, o); }
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t o) { return fails(fd) ? -1 : NEXT(pwritev64)(fd, v, n, o); }
int fdatasync(int fd) { return fails(fd) ? -1 : NEXT(fdatasync)(fd); }
int fsync(int fd) { return fails(fd) ? -1 : NEXT(fsync)(fd); }
