#include "word_watch.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace shmtable {
namespace {

// How long `Join` lets the thread fall asleep over a wake-up that came just before, in nanoseconds.
constexpr long kJoinPause = 200'000;

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
  if (thread_.joinable() || info.Length() < 6 || !info[0].IsTypedArray() || !info[5].IsFunction()) {
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
  words_ = Napi::Persistent(words);
  callback_ = Napi::ThreadSafeFunction::New(env, info[5].As<Napi::Function>(), "shmtable change feed", 0, 1);
  stopping_ = false;
  acknowledged_ = true;
  napi_add_env_cleanup_hook(env, StopBeforeEnd, this);
  thread_ = std::thread(&WordWatch::Run, this, info[3].As<Napi::Number>().Int32Value());
  return Napi::Number::New(env, 0);
}

Napi::Value WordWatch::Acknowledge(const Napi::CallbackInfo& info) {
  {
    std::lock_guard<std::mutex> guard(mutex_);
    acknowledged_ = true;
  }
  acknowledged_changed_.notify_one();
  return info.Env().Undefined();
}

Napi::Value WordWatch::Stop(const Napi::CallbackInfo& info) {
  Join();
  return info.Env().Undefined();
}

void WordWatch::Run(int32_t seen) {
  while (!stopping_) {
    int32_t now = word_->load();
    if (now == seen) {
      Sleep(seen);
      continue;
    }
    seen = now;
    {
      std::lock_guard<std::mutex> guard(mutex_);
      acknowledged_ = false;
    }
    if (callback_.NonBlockingCall() != napi_ok) return;
    std::unique_lock<std::mutex> lock(mutex_);
    acknowledged_changed_.wait(lock, [this] { return acknowledged_ || stopping_; });
  }
}

// The sleepers' word is set before the word is looked at for the last time, which the kernel does: a writer either
// sees the mark, or has changed the word before.
void WordWatch::Sleep(int32_t seen) {
  if (sleepers_ != nullptr) sleepers_->store(1);
  timespec timeout{};
  timeout.tv_sec = timeout_ms_ / 1000;
  timeout.tv_nsec = (timeout_ms_ % 1000) * 1'000'000;
  if (stopping_) return;
  syscall(SYS_futex, word_, FUTEX_WAIT, seen, timeout_ms_ == 0 ? nullptr : &timeout, nullptr, 0);
}

void WordWatch::Join() {
  if (!thread_.joinable()) return;
  std::atomic<bool> joined{false};
  {
    std::lock_guard<std::mutex> guard(mutex_);
    stopping_ = true;
  }
  acknowledged_changed_.notify_one();
  // The thread may be between its last look at `stopping_` and the kernel: wake until it has gone. Others that sleep on
  // the word wake too, see it unchanged, and sleep again.
  std::thread waker([this, &joined] {
    while (!joined) {
      syscall(SYS_futex, word_, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
      timespec pause{0, kJoinPause};
      nanosleep(&pause, nullptr);
    }
  });
  thread_.join();
  joined = true;
  waker.join();
  callback_.Release();
  words_.Reset();
  napi_remove_env_cleanup_hook(env_, StopBeforeEnd, this);
}

}  // namespace shmtable
