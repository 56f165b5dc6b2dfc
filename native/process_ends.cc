#include "process_ends.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

namespace shmtable {
namespace {

void StopBeforeEnd(void* ends) { static_cast<ProcessEnds*>(ends)->Join(); }

void CloseIfOpen(int* fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

int Register(int epoll, int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

void ProcessEnds::Init(Napi::Env env, Napi::Object exports) {
  exports.Set("ProcessEnds", DefineClass(env, "ProcessEnds",
                                         {
                                             InstanceMethod<&ProcessEnds::Start>("start"),
                                             InstanceMethod<&ProcessEnds::Add>("add"),
                                             InstanceMethod<&ProcessEnds::Remove>("remove"),
                                             InstanceMethod<&ProcessEnds::Stop>("stop"),
                                         }));
}

ProcessEnds::ProcessEnds(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<ProcessEnds>(info), env_(info.Env()) {}

ProcessEnds::~ProcessEnds() { Join(); }

Napi::Value ProcessEnds::Start(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (running_ || info.Length() < 1 || !info[0].IsFunction()) return Napi::Number::New(env, -EINVAL);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ >= 0) stop_ = eventfd(0, EFD_CLOEXEC);
  if (epoll_ < 0 || stop_ < 0 || Register(epoll_, stop_, EPOLLIN) != 0) {
    int error = errno;
    CloseAll();
    return Napi::Number::New(env, -error);
  }
  // A queue of one: a pending call covers all ends before it runs.
  callback_ = Napi::ThreadSafeFunction::New(env, info[0].As<Napi::Function>(), "shmtable process ends", 1, 1);
  if (env.IsExceptionPending()) {
    env.GetAndClearPendingException();
    CloseAll();
    return Napi::Number::New(env, -ENOMEM);
  }
  int error = pthread_create(&thread_, nullptr, &ProcessEnds::Begin, this);
  if (error != 0) {
    callback_.Release();
    CloseAll();
    return Napi::Number::New(env, -error);
  }
  running_ = true;
  napi_add_env_cleanup_hook(env, StopBeforeEnd, this);
  return Napi::Number::New(env, 0);
}

Napi::Value ProcessEnds::Add(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!running_ || info.Length() < 1 || !info[0].IsNumber()) return Napi::Number::New(env, -EINVAL);
  pid_t pid = static_cast<pid_t>(info[0].As<Napi::Number>().Int64Value());
  int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return Napi::Number::New(env, -errno);
  // EPOLLONESHOT, because a process ends only once, and pidfds are never read.
  if (Register(epoll_, fd, EPOLLIN | EPOLLONESHOT) != 0) {
    int error = errno;
    close(fd);
    return Napi::Number::New(env, -error);
  }
  return Napi::Number::New(env, fd);
}

// Closing the only descriptor of a pidfd removes it from the set. It is removed explicitly all the same, because a
// forked child before its exec has another descriptor.
Napi::Value ProcessEnds::Remove(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!running_ || info.Length() < 1 || !info[0].IsNumber()) return Napi::Number::New(env, -EINVAL);
  int fd = static_cast<int>(info[0].As<Napi::Number>().Int64Value());
  if (fd == stop_ || epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr) != 0) return Napi::Number::New(env, -EINVAL);
  close(fd);
  return Napi::Number::New(env, 0);
}

Napi::Value ProcessEnds::Stop(const Napi::CallbackInfo& info) {
  Join();
  return info.Env().Undefined();
}

void* ProcessEnds::Begin(void* ends) {
  static_cast<ProcessEnds*>(ends)->Run();
  return nullptr;
}

void ProcessEnds::Run() {
  for (;;) {
    epoll_event event{};
    int ready = epoll_wait(epoll_, &event, 1, -1);
    if (ready < 0 && errno != EINTR) return;
    if (ready <= 0) continue;
    if (event.data.fd == stop_) return;
    napi_status status = callback_.NonBlockingCall();
    if (status != napi_ok && status != napi_queue_full) return;
  }
}

void ProcessEnds::Join() {
  if (!running_) return;
  uint64_t one = 1;
  // Writing to a fresh eventfd succeeds immediately; only a signal could interrupt it.
  while (write(stop_, &one, sizeof one) < 0 && errno == EINTR) continue;
  pthread_join(thread_, nullptr);
  running_ = false;
  callback_.Release();
  CloseAll();
  napi_remove_env_cleanup_hook(env_, StopBeforeEnd, this);
}

void ProcessEnds::CloseAll() {
  CloseIfOpen(&stop_);
  CloseIfOpen(&epoll_);
}

}  // namespace shmtable
