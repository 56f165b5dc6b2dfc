#ifndef SHMTABLE_BYTE_LOCK_H_
#define SHMTABLE_BYTE_LOCK_H_

#include <errno.h>
#include <fcntl.h>

#include <cstdint>

namespace shmtable {

// Guards the sequence "check that the name still refers to this object, then remove it". JavaScript cannot lock this
// byte, because it is beyond 2^53.
constexpr int64_t kNameByte = int64_t{1} << 62;

// One fcntl lock operation on one byte. `lock.l_pid` must be 0 for open-file-description locks.
inline int LockByte(int fd, int command, short type, int64_t byte, struct flock* result = nullptr) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  int rc;
  do {
    rc = fcntl(fd, command, &lock);
  } while (rc < 0 && errno == EINTR);
  if (result != nullptr) *result = lock;
  return rc < 0 ? -errno : 0;
}

// Holds an object's name byte for the few system calls of one comparison and removal. It waits, because another holder
// is inside the same few calls, and the kernel releases the lock of a holder that dies there.
class NameLock {
 public:
  explicit NameLock(int fd) : fd_(fd), error_(LockByte(fd, F_OFD_SETLKW, F_WRLCK, kNameByte)) {}
  ~NameLock() {
    if (error_ == 0) LockByte(fd_, F_OFD_SETLK, F_UNLCK, kNameByte);
  }
  NameLock(const NameLock&) = delete;
  NameLock& operator=(const NameLock&) = delete;
  int error() const { return error_; }

 private:
  int fd_;
  int error_;
};

}  // namespace shmtable

#endif  // SHMTABLE_BYTE_LOCK_H_
