#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <string>

#include "byte_lock.h"
#include "file_status.h"
#include "held_signals.h"
#include "huge_pages.h"
#include "inherited_memory.h"

namespace shmtable {
namespace {

std::string PathOf(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

int OpenPath(const std::string& path, int flags, mode_t mode) {
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd < 0 ? -errno : fd;
}

// Reserves and zeroes all bytes up to `size`, never shrinks.
//
// If the file system cannot reserve space, new bytes are written instead. Holes in existing bytes are not filled,
// because others may write to them.
int ReserveBytes(int fd, off_t size) {
  const HeldSignals held;
  int error = 0;
  do {
    error = fallocate(fd, 0, 0, size) == 0 ? 0 : errno;
  } while (error == EINTR);
  if (error == EOPNOTSUPP) {
    struct stat status;
    error = StatusOf(fd, &status) != 0 ? errno : 0;
    if (error == 0 && status.st_size < size) error = posix_fallocate(fd, status.st_size, size - status.st_size);
  }
  return -error;
}

Napi::Value Result(const Napi::CallbackInfo& info, double value) { return Napi::Number::New(info.Env(), value); }

bool HasNumber(const Napi::CallbackInfo& info, size_t index) { return info.Length() > index && info[index].IsNumber(); }

bool HasString(const Napi::CallbackInfo& info, size_t index) { return info.Length() > index && info[index].IsString(); }

int64_t NumberAt(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::Number>().Int64Value(); }

void CloseBeforeEnd(void* descriptor) { static_cast<Descriptor*>(descriptor)->CloseNow(); }

std::string StringAt(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::String>().Utf8Value();
}

}  // namespace

void Descriptor::Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Descriptor", DefineClass(env, "Descriptor",
                                        {
                                            InstanceMethod<&Descriptor::Open>("open"),
                                            InstanceMethod<&Descriptor::Reopen>("reopen"),
                                            InstanceMethod<&Descriptor::OpenMemory>("openMemory"),
                                            InstanceMethod<&Descriptor::OpenPublished>("openPublished"),
                                            InstanceMethod<&Descriptor::PublishMemory>("publishMemory"),
                                            InstanceMethod<&Descriptor::WithdrawMemory>("withdrawMemory"),
                                            InstanceMethod<&Descriptor::Link>("link"),
                                            InstanceMethod<&Descriptor::UnlinkName>("unlinkName"),
                                            InstanceMethod<&Descriptor::MakeHugePages>("makeHugePages"),
                                            InstanceMethod<&Descriptor::Reserve>("reserve"),
                                            InstanceMethod<&Descriptor::Size>("size"),
                                            InstanceMethod<&Descriptor::Chmod>("chmod"),
                                            InstanceMethod<&Descriptor::TryLock>("tryLock"),
                                            InstanceMethod<&Descriptor::Unlock>("unlock"),
                                            InstanceMethod<&Descriptor::IsLocked>("isLocked"),
                                            InstanceMethod<&Descriptor::AnnounceEnd>("announceEnd"),
                                            InstanceMethod<&Descriptor::Close>("close"),
                                            InstanceAccessor<&Descriptor::Number>("number"),
                                        }));
}

Descriptor::Descriptor(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Descriptor>(info), env_(info.Env()) {}

Descriptor::~Descriptor() { CloseNow(); }

void Descriptor::CloseNow() {
  // Not repeated after EINTR, because Linux has closed the descriptor by then.
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  if (ends_ == nullptr) return;
  // If this were announced before the locks are released, a waiter would find them held and continue to sleep.
  ends_[0].fetch_add(1);
  ends_[1].fetch_add(1);
  syscall(SYS_futex, &ends_[1], FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  ends_ = nullptr;
  words_.Reset();
  napi_remove_env_cleanup_hook(env_, CloseBeforeEnd, this);
}

Napi::Value Descriptor::Adopt(Napi::Env env, int fd_or_minus_errno) {
  CloseNow();
  if (fd_or_minus_errno >= 0) fd_ = fd_or_minus_errno;
  return Napi::Number::New(env, fd_or_minus_errno < 0 ? fd_or_minus_errno : 0);
}

Napi::Value Descriptor::Open(const Napi::CallbackInfo& info) {
  if (!HasString(info, 0) || !HasNumber(info, 1) || !HasNumber(info, 2)) return Result(info, -EINVAL);
  return Adopt(info.Env(), OpenPath(StringAt(info, 0), static_cast<int>(NumberAt(info, 1)),
                                    static_cast<mode_t>(NumberAt(info, 2))));
}

Napi::Value Descriptor::Reopen(const Napi::CallbackInfo& info) {
  if (!HasNumber(info, 0) || !HasNumber(info, 1)) return Result(info, -EINVAL);
  return Adopt(info.Env(),
               OpenPath(PathOf(static_cast<int>(NumberAt(info, 0))), static_cast<int>(NumberAt(info, 1)), 0));
}

Napi::Value Descriptor::OpenMemory(const Napi::CallbackInfo& info) {
  if (!HasString(info, 0)) return Result(info, -EINVAL);
  const bool huge_pages = info.Length() > 1 && info[1].IsBoolean() && info[1].As<Napi::Boolean>().Value();
  return Adopt(info.Env(), CreateMemory(StringAt(info, 0), huge_pages));
}

Napi::Value Descriptor::OpenPublished(const Napi::CallbackInfo& info) {
  if (!HasString(info, 0)) return Result(info, -EINVAL);
  return Adopt(info.Env(), OpenPublishedMemory(StringAt(info, 0)));
}

Napi::Value Descriptor::PublishMemory(const Napi::CallbackInfo& info) {
  if (!HasString(info, 0)) return Result(info, -EINVAL);
  return Result(info, shmtable::PublishMemory(fd_, StringAt(info, 0)));
}

Napi::Value Descriptor::WithdrawMemory(const Napi::CallbackInfo& info) {
  return Result(info, shmtable::WithdrawMemory(fd_));
}

// Gives a nameless file (O_TMPFILE) its name; EEXIST if the name is taken.
Napi::Value Descriptor::Link(const Napi::CallbackInfo& info) {
  if (!HasString(info, 0)) return Result(info, -EINVAL);
  const std::string path = StringAt(info, 0);
  int rc = linkat(AT_FDCWD, PathOf(fd_).c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW);
  return Result(info, rc == 0 ? 0 : -errno);
}

// Removes the name if it still refers to this file: returns 1, otherwise 0. Between the comparison and the removal no
// process can give the name to another file: the name would have to be removed first, which needs this file's name
// byte. If this is the companion of a System V segment, the segment is removed before the name: a name that is left
// over by a kill in between is recognised as dead.
Napi::Value Descriptor::UnlinkName(const Napi::CallbackInfo& info) {
  if (!HasString(info, 0)) return Result(info, -EINVAL);
  const std::string path = StringAt(info, 0);
  const int segment = HasNumber(info, 1) ? static_cast<int>(NumberAt(info, 1)) : -1;
  NameLock lock(fd_);
  if (lock.error() != 0) return Result(info, lock.error());
  struct stat mine;
  struct stat named;
  if (StatusOf(fd_, &mine) != 0) return Result(info, -errno);
  if (StatusAt(path.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0) return Result(info, errno == ENOENT ? 0 : -errno);
  if (mine.st_dev != named.st_dev || mine.st_ino != named.st_ino) return Result(info, 0);
  if (segment >= 0 && shmctl(segment, IPC_RMID, nullptr) != 0 && errno != EINVAL && errno != EIDRM) {
    return Result(info, -errno);
  }
  if (unlink(path.c_str()) == 0) return Result(info, 1);
  return Result(info, errno == ENOENT ? 0 : -errno);
}

Napi::Value Descriptor::MakeHugePages(const Napi::CallbackInfo& info) {
  if (HasNumber(info, 0)) shmtable::MakeHugePages(fd_, static_cast<off_t>(NumberAt(info, 0)));
  return info.Env().Undefined();
}

Napi::Value Descriptor::Reserve(const Napi::CallbackInfo& info) {
  if (!HasNumber(info, 0)) return Result(info, -EINVAL);
  return Result(info, ReserveBytes(fd_, static_cast<off_t>(NumberAt(info, 0))));
}

Napi::Value Descriptor::Size(const Napi::CallbackInfo& info) {
  struct stat status;
  return Result(info, StatusOf(fd_, &status) == 0 ? static_cast<double>(status.st_size) : -errno);
}

Napi::Value Descriptor::Chmod(const Napi::CallbackInfo& info) {
  if (!HasNumber(info, 0)) return Result(info, -EINVAL);
  return Result(info, fchmod(fd_, static_cast<mode_t>(NumberAt(info, 0))) == 0 ? 0 : -errno);
}

// 1 if locked, 0 if another description holds the byte.
Napi::Value Descriptor::TryLock(const Napi::CallbackInfo& info) {
  if (!HasNumber(info, 0)) return Result(info, -EINVAL);
  int rc = LockByte(fd_, F_OFD_SETLK, F_WRLCK, NumberAt(info, 0));
  if (rc == -EAGAIN || rc == -EACCES) return Result(info, 0);
  return Result(info, rc < 0 ? rc : 1);
}

Napi::Value Descriptor::Unlock(const Napi::CallbackInfo& info) {
  if (!HasNumber(info, 0)) return Result(info, -EINVAL);
  return Result(info, LockByte(fd_, F_OFD_SETLK, F_UNLCK, NumberAt(info, 0)));
}

// 1 if another description holds the byte; a description does not see its own locks.
Napi::Value Descriptor::IsLocked(const Napi::CallbackInfo& info) {
  if (!HasNumber(info, 0)) return Result(info, -EINVAL);
  struct flock found {};
  int rc = LockByte(fd_, F_OFD_GETLK, F_WRLCK, NumberAt(info, 0), &found);
  return Result(info, rc < 0 ? rc : (found.l_type == F_UNLCK ? 0 : 1));
}

Napi::Value Descriptor::AnnounceEnd(const Napi::CallbackInfo& info) {
  if (fd_ < 0 || ends_ != nullptr || info.Length() < 2 || !info[0].IsTypedArray() || !info[1].IsNumber()) {
    return Result(info, -EINVAL);
  }
  Napi::TypedArray view = info[0].As<Napi::TypedArray>();
  if (view.TypedArrayType() != napi_int32_array) return Result(info, -EINVAL);
  Napi::Int32Array words = view.As<Napi::Int32Array>();
  const int64_t index = NumberAt(info, 1);
  if (index < 0 || index + 1 >= static_cast<int64_t>(words.ElementLength())) return Result(info, -EINVAL);
  words_ = Napi::Persistent(words);
  ends_ = reinterpret_cast<std::atomic<int32_t>*>(words.Data()) + index;
  // Runs before the finalizers, whose order is not specified.
  napi_add_env_cleanup_hook(env_, CloseBeforeEnd, this);
  return Result(info, 0);
}

Napi::Value Descriptor::Close(const Napi::CallbackInfo& info) {
  CloseNow();
  return info.Env().Undefined();
}

Napi::Value Descriptor::Number(const Napi::CallbackInfo& info) { return Result(info, fd_); }

}  // namespace shmtable
