#include "word_watch.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace shmtable {
namespace {

// Nanoseconds between two checks of `Join` whether the thread has ended.
constexpr long kJoinPause = 50'000;
// Milliseconds that the thread waits for `acknowledge` before it checks again: a safety net, like the limit of its
// sleep.
constexpr int64_t kAcknowledgeLook = 1000;

void WaitWhile(std::atomic<int32_t>* word, int operation, int32_t value, int64_t timeout_ms) {
  timespec timeout{};
  timeout.tv_sec = timeout_ms / 1000;
  timeout.tv_nsec = (timeout_ms % 1000) * 1'000'000;
  syscall(SYS_futex, word, operation, value, &timeout, nullptr, 0);
}

void WakeAll(std::atomic<int32_t>* word, int operation) {
  syscall(SYS_futex, word, operation, INT_MAX, nullptr, nullptr, 0);
}

void StopBeforeEnd(void* watch) { static_cast<WordWatch*>(watch)->Join(); }

}  // namespace

void WordWatch::Init(Napi::Env env, Napi::Object exports) {
  exports.Set("WordWatch", DefineClass(env, "WordWatch",
                                       {
                                           InstanceMethod<&WordWatch::Start>("start"),
                                           InstanceMethod<&WordWatch::Acknowledge>("acknowledge"),
                                           InstanceMethod<&WordWatch::Stop>("stop"),
                                       }));
}

WordWatch::WordWatch(const Napi::CallbackInfo& info) : Napi::ObjectWrap<WordWatch>(info), env_(info.Env()) {}

WordWatch::~WordWatch() { Join(); }

Napi::Value WordWatch::Start(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (running_ || info.Length() < 6 || !info[0].IsTypedArray() || !info[5].IsFunction()) {
    return Napi::Number::New(env, -EINVAL);
  }
  for (size_t i = 1; i < 5; i++) {
    if (!info[i].IsNumber()) return Napi::Number::New(env, -EINVAL);
  }
  Napi::TypedArray view = info[0].As<Napi::TypedArray>();
  if (view.TypedArrayType() != napi_int32_array) return Napi::Number::New(env, -EINVAL);
  Napi::Int32Array words = view.As<Napi::Int32Array>();
  int64_t index = info[1].As<Napi::Number>().Int64Value();
  int64_t sleepers = info[2].As<Napi::Number>().Int64Value();
  int64_t length = static_cast<int64_t>(words.ElementLength());
  if (index < 0 || index >= length || sleepers < -1 || sleepers >= length) return Napi::Number::New(env, -EINVAL);

  auto* first = reinterpret_cast<std::atomic<int32_t>*>(words.Data());
  word_ = first + index;
  sleepers_ = sleepers < 0 ? nullptr : first + sleepers;
  timeout_ms_ = info[4].As<Napi::Number>().Int64Value();
  if (timeout_ms_ <= 0) return Napi::Number::New(env, -EINVAL);
  words_ = Napi::Persistent(words);
  callback_ = Napi::ThreadSafeFunction::New(env, info[5].As<Napi::Function>(), "shmtable change feed", 0, 1);
  if (env.IsExceptionPending()) {
    env.GetAndClearPendingException();
    words_.Reset();
    return Napi::Number::New(env, -ENOMEM);
  }
  seen_ = info[3].As<Napi::Number>().Int32Value();
  stopping_ = false;
  acknowledged_ = 1;
  // Not std::thread: it throws if no thread can be created, which aborts the process, because exceptions are disabled.
  int error = pthread_create(&thread_, nullptr, &WordWatch::Begin, this);
  if (error != 0) {
    Release();
    return Napi::Number::New(env, -error);
  }
  running_ = true;
  napi_add_env_cleanup_hook(env, StopBeforeEnd, this);
  return Napi::Number::New(env, 0);
}

Napi::Value WordWatch::Acknowledge(const Napi::CallbackInfo& info) {
  acknowledged_ = 1;
  WakeAll(&acknowledged_, FUTEX_WAKE_PRIVATE);
  return info.Env().Undefined();
}

Napi::Value WordWatch::Stop(const Napi::CallbackInfo& info) {
  Join();
  return info.Env().Undefined();
}

void* WordWatch::Begin(void* watch) {
  static_cast<WordWatch*>(watch)->Run();
  return nullptr;
}

void WordWatch::Run() {
  while (!stopping_) {
    int32_t now = word_->load();
    if (now == seen_) {
      Sleep();
      continue;
    }
    seen_ = now;
    acknowledged_ = 0;
    if (callback_.NonBlockingCall() != napi_ok) return;
    while (acknowledged_ == 0 && !stopping_) WaitWhile(&acknowledged_, FUTEX_WAIT_PRIVATE, 0, kAcknowledgeLook);
  }
}

// The sleepers' word is set before the word is checked for the last time, which the kernel does: a writer either sees
// the mark, or has changed the word before. The sleep is bounded all the same, and the mark is set again after it,
// because a writer may be stopped between clearing the mark and waking.
void WordWatch::Sleep() {
  if (sleepers_ != nullptr) sleepers_->store(1);
  if (stopping_) return;
  WaitWhile(word_, FUTEX_WAIT, seen_, timeout_ms_);
}

// Needs nothing that the system could refuse, so closing cannot fail. The thread may be between its last check of
// `stopping_` and the system call, so it is woken until it has ended. Other threads that sleep on the word wake too,
// see it unchanged, and sleep again.
void WordWatch::Join() {
  if (!running_) return;
  stopping_ = true;
  for (;;) {
    WakeAll(word_, FUTEX_WAKE);
    WakeAll(&acknowledged_, FUTEX_WAKE_PRIVATE);
    if (pthread_tryjoin_np(thread_, nullptr) != EBUSY) break;
    timespec pause{0, kJoinPause};
    nanosleep(&pause, nullptr);
  }
  running_ = false;
  Release();
  napi_remove_env_cleanup_hook(env_, StopBeforeEnd, this);
}

void WordWatch::Release() {
  callback_.Release();
  words_.Reset();
}

}  // namespace shmtable
