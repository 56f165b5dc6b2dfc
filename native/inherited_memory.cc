#include "inherited_memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "byte_lock.h"
#include "file_status.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace shmtable {
namespace {

// The sticky bit has no meaning for a regular file and, unlike the x bits, no seal forbids changing it. The owner's
// permissions are not changed, so that a handle can still reopen an object that was unlinked meanwhile.
constexpr mode_t kPublishedMode = 0600;
constexpr mode_t kHiddenMode = 01600;

constexpr char kPrefix[] = "shmtable-segment:";

// Held during a look-up. Not std::mutex, which refers to functions that are not in every C library.
class LookupLock {
 public:
  LookupLock() { pthread_mutex_lock(&mutex_); }
  ~LookupLock() { pthread_mutex_unlock(&mutex_); }
  LookupLock(const LookupLock&) = delete;
  LookupLock& operator=(const LookupLock&) = delete;

 private:
  // Never destroyed: a worker may still be searching while the process exits.
  static pthread_mutex_t mutex_;
};

pthread_mutex_t LookupLock::mutex_ = PTHREAD_MUTEX_INITIALIZER;

std::string LinkOf(const std::string& name) { return std::string("/memfd:") + kPrefix + name + " (deleted)"; }

std::string PathOf(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

std::string ReadLink(const std::string& path) {
  char target[PATH_MAX];
  ssize_t length = readlink(path.c_str(), target, sizeof target);
  return length < 0 ? std::string() : std::string(target, static_cast<size_t>(length));
}

int OpenRetrying(const std::string& path, int flags) {
  int fd;
  do {
    fd = open(path.c_str(), flags);
  } while (fd < 0 && errno == EINTR);
  return fd < 0 ? -errno : fd;
}

bool StateOf(int fd, struct stat* status) { return StatusOf(fd, status) == 0 && S_ISREG(status->st_mode); }

// Closes descriptor `fd` of this process if it is the inheritable descriptor of the hidden object `object`. Private
// descriptors are close-on-exec and belong to their handles.
void CloseInheritable(int fd, const struct stat& object) {
  int flags = fcntl(fd, F_GETFD);
  if (flags < 0 || (flags & FD_CLOEXEC) != 0) return;
  struct stat status;
  if (StateOf(fd, &status) && status.st_dev == object.st_dev && status.st_ino == object.st_ino) close(fd);
}

// Calls `visit(path descriptor, status)` for this process's published objects with the given name, or with any if it is
// empty, until it returns true. The inheritable descriptors of hidden objects are closed. Requires the mutex.
//
// Other threads open and close descriptors meanwhile, so a number in the directory may refer to another file a moment
// later. An O_PATH descriptor has no effect on the file that it opens, and pins it: only its status counts.
template <typename Visit>
int EachPublished(const std::string& name, Visit visit) {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return -errno;
  const std::string wanted = name.empty() ? std::string("/memfd:") + kPrefix : LinkOf(name);
  const auto matches = [&](const std::string& link) {
    return name.empty() ? link.compare(0, wanted.size(), wanted) == 0 : link == wanted;
  };
  bool done = false;
  while (!done) {
    dirent* entry = readdir(directory);
    if (entry == nullptr) break;
    if (entry->d_name[0] == '.') continue;
    int number = atoi(entry->d_name);
    if (!matches(ReadLink(PathOf(number)))) continue;
    int pin = OpenRetrying(PathOf(number), O_PATH | O_CLOEXEC);
    // No descriptors are left: an existing object would be considered missing, and its name given to another one.
    if (pin == -EMFILE || pin == -ENFILE || pin == -ENOMEM) {
      closedir(directory);
      return pin;
    }
    if (pin < 0) continue;
    struct stat status;
    if (matches(ReadLink(PathOf(pin))) && StateOf(pin, &status)) {
      mode_t mode = status.st_mode & 07777;
      if (mode == kPublishedMode) {
        done = visit(pin, status);
      } else if (mode == kHiddenMode) {
        CloseInheritable(number, status);
      }
    }
    close(pin);
  }
  closedir(directory);
  return done ? 1 : 0;
}

}  // namespace

int CreateMemory(const std::string& name, bool huge_pages) {
  const std::string title = kPrefix + name;
  const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | (huge_pages ? MFD_HUGETLB : 0);
  int fd = memfd_create(title.c_str(), flags | MFD_NOEXEC_SEAL);
  // Kernels before 6.3 do not know the last flag.
  if (fd < 0 && errno == EINVAL) fd = memfd_create(title.c_str(), flags);
  if (fd < 0) return -errno;
  // From here on no process, not even its owner's, can truncate it, which would cause SIGBUS in all processes that have
  // it mapped. It can still grow. If the kernel has no such seal, the memory is as safe as a file.
  fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
  if (fchmod(fd, kHiddenMode) != 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

int PublishMemory(int fd, const std::string& name) {
  const LookupLock lock;
  int found = EachPublished(name, [](int, const struct stat&) { return true; });
  if (found != 0) return found < 0 ? found : -EEXIST;
  int inheritable = OpenRetrying(PathOf(fd), O_RDWR);
  if (inheritable < 0) return inheritable;
  if (fchmod(fd, kPublishedMode) != 0) {
    int error = errno;
    close(inheritable);
    return -error;
  }
  return 0;
}

int OpenPublishedMemory(const std::string& name) {
  const LookupLock lock;
  int result = -ENOENT;
  int found = EachPublished(name, [&](int pin, const struct stat&) {
    result = OpenRetrying(PathOf(pin), O_RDWR | O_CLOEXEC);
    return true;
  });
  return found < 0 ? found : result;
}

int WithdrawMemory(int fd) {
  const LookupLock lock;
  int result = 0;
  {
    // Another process may withdraw the same object at this moment: exactly one of them must get 1.
    NameLock name(fd);
    if (name.error() != 0) return name.error();
    struct stat status;
    if (!StateOf(fd, &status)) return -EBADF;
    if ((status.st_mode & 07777) == kPublishedMode) {
      if (fchmod(fd, kHiddenMode) != 0) return -errno;
      result = 1;
    }
  }
  EachPublished(std::string(), [](int, const struct stat&) { return false; });
  return result;
}

}  // namespace shmtable
