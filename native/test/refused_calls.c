// For tests: makes system calls of the process that preloads it fail. Not part of the package.
//
// REFUSED_CALLS says which; it is read at every call: items `call=errno` or `call=errno@part`, separated by commas.
// `part` is a part of the path, if the call has one. Calls: open, tmpfile (open with O_TMPFILE), lock (of an open file
// description), memfd, shmget, fallocate, link, rename, unlink, write (at an offset), chmod, mmap (of an object, shared).
//
// KILLED_AT_CALL=n: before its call number n (from 0) of these, counted since n was set, the process kills itself.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

// The errno with which a call must fail, or 0.
static int refusal(const char* call, const char* path) {
  const char* at = getenv("REFUSED_CALLS");
  const size_t length = strlen(call);
  while (at != NULL && *at != '\0') {
    const size_t item = strcspn(at, ",");
    if (strncmp(at, call, length) == 0 && at[length] == '=') {
      char* rest;
      const int error = (int)strtol(at + length + 1, &rest, 10);
      if (*rest != '@') return error;
      char part[256] = "";
      const size_t bytes = (size_t)(at + item - (rest + 1));
      if (path != NULL && bytes < sizeof part && strstr(path, (memcpy(part, rest + 1, bytes), part)) != NULL) return error;
    }
    at += item + (at[item] == ',');
  }
  return 0;
}

static void count_call(void) {
  static char last[24];
  static long left;
  const char* text = getenv("KILLED_AT_CALL");
  if (text == NULL) return;
  if (strncmp(text, last, sizeof last) != 0) {
    strncpy(last, text, sizeof last - 1);
    left = atol(text);
  }
  if (left-- == 0) kill(getpid(), SIGKILL);
}

static int refused(const char* call, const char* path) {
  count_call();
  const int error = refusal(call, path);
  if (error == 0) return 0;
  errno = error;
  return 1;
}

static void* next(const char* name) { return dlsym(RTLD_NEXT, name); }

static int is_temporary(int flags) { return (flags & O_TMPFILE) == O_TMPFILE; }

static int may_open(const char* path, int flags) {
  if (is_temporary(flags)) return !refused("tmpfile", path);
  return !refused("open", path);
}

#define MODE(flags)                             \
  mode_t mode = 0;                              \
  if (((flags) & O_CREAT) || is_temporary(flags)) { \
    va_list rest;                               \
    va_start(rest, flags);                      \
    mode = va_arg(rest, mode_t);                \
    va_end(rest);                               \
  }

int open(const char* path, int flags, ...) {
  MODE(flags)
  if (!may_open(path, flags)) return -1;
  return ((int (*)(const char*, int, ...))next("open"))(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  MODE(flags)
  if (!may_open(path, flags)) return -1;
  return ((int (*)(const char*, int, ...))next("open64"))(path, flags, mode);
}

static int lock(const char* name, int fd, int command, void* argument) {
  if ((command == F_OFD_SETLK || command == F_OFD_SETLKW || command == F_OFD_GETLK) && refused("lock", NULL)) return -1;
  return ((int (*)(int, int, ...))next(name))(fd, command, argument);
}
int fcntl(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void* argument = va_arg(rest, void*);
  va_end(rest);
  return lock("fcntl", fd, command, argument);
}
int fcntl64(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void* argument = va_arg(rest, void*);
  va_end(rest);
  return lock("fcntl64", fd, command, argument);
}

int memfd_create(const char* name, unsigned flags) {
  if (refused("memfd", name)) return -1;
  return ((int (*)(const char*, unsigned))next("memfd_create"))(name, flags);
}
int shmget(key_t key, size_t size, int flags) {
  if (refused("shmget", NULL)) return -1;
  return ((int (*)(key_t, size_t, int))next("shmget"))(key, size, flags);
}
int fallocate(int fd, int mode, off64_t offset, off64_t length) {
  if (refused("fallocate", NULL)) return -1;
  return ((int (*)(int, int, off64_t, off64_t))next("fallocate"))(fd, mode, offset, length);
}
int linkat(int from, const char* path, int to, const char* name, int flags) {
  if (refused("link", name)) return -1;
  return ((int (*)(int, const char*, int, const char*, int))next("linkat"))(from, path, to, name, flags);
}
int rename(const char* from, const char* to) {
  if (refused("rename", from)) return -1;
  return ((int (*)(const char*, const char*))next("rename"))(from, to);
}
int unlink(const char* path) {
  if (refused("unlink", path)) return -1;
  return ((int (*)(const char*))next("unlink"))(path);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  if (refused("write", NULL)) return -1;
  return ((ssize_t (*)(int, const void*, size_t, off64_t))next("pwrite64"))(fd, bytes, size, offset);
}
int fchmod(int fd, mode_t mode) {
  if (refused("chmod", NULL)) return -1;
  return ((int (*)(int, mode_t))next("fchmod"))(fd, mode);
}
void* mmap(void* address, size_t size, int protection, int flags, int fd, off64_t offset) {
  if (fd >= 0 && (flags & MAP_SHARED) != 0 && refused("mmap", NULL)) return MAP_FAILED;
  return ((void* (*)(void*, size_t, int, int, int, off64_t))next("mmap"))(address, size, protection, flags, fd, offset);
}
