#ifndef SHMTABLE_FILE_STATUS_H_
#define SHMTABLE_FILE_STATUS_H_

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace shmtable {

// fstat, stat and lstat as system calls: 0, or -1 and errno. The C libraries disagree on the functions: glibc before
// 2.33 has them under other names. They agree on `struct stat`, which on 64-bit Linux is the kernel's.

inline int StatusOf(int fd, struct stat* status) { return static_cast<int>(syscall(SYS_fstat, fd, status)); }

inline int StatusAt(const char* path, struct stat* status, int flags = 0) {
  return static_cast<int>(syscall(SYS_newfstatat, AT_FDCWD, path, status, flags));
}

}  // namespace shmtable

#endif  // SHMTABLE_FILE_STATUS_H_
