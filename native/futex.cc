// Waits for a word of shared memory to change. Not a private futex, because waiters may be in other processes.
#include <errno.h>
#include <linux/futex.h>
#include <napi.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>

namespace shmtable {
namespace {

enum WaitResult { kWoken = 0, kChanged = 1, kTimeout = 2 };

// The address of word `index`, or null if it is not inside the view; a detached view has no words at all.
int32_t* WordAt(const Napi::CallbackInfo& info) {
  if (info.Length() < 2 || !info[0].IsTypedArray() || !info[1].IsNumber()) return nullptr;
  Napi::TypedArray view = info[0].As<Napi::TypedArray>();
  if (view.TypedArrayType() != napi_int32_array) return nullptr;
  double index = info[1].As<Napi::Number>().DoubleValue();
  Napi::Int32Array words = view.As<Napi::Int32Array>();
  // Written so that NaN is rejected too.
  if (!(index >= 0 && index < static_cast<double>(words.ElementLength()))) return nullptr;
  return words.Data() + static_cast<size_t>(index);
}

Napi::Value FutexWait(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int32_t* word = WordAt(info);
  if (word == nullptr || info.Length() < 4 || !info[2].IsNumber() || !info[3].IsNumber()) {
    return Napi::Number::New(env, -EINVAL);
  }
  int32_t expected = info[2].As<Napi::Number>().Int32Value();
  double timeout_ms = info[3].As<Napi::Number>().DoubleValue();
  if (!(timeout_ms >= 0 && timeout_ms <= 2147483647.0)) return Napi::Number::New(env, -EINVAL);
  timespec timeout{};
  timeout.tv_sec = static_cast<time_t>(timeout_ms / 1e3);
  timeout.tv_nsec = static_cast<long>((timeout_ms - static_cast<double>(timeout.tv_sec) * 1e3) * 1e6);
  if (syscall(SYS_futex, word, FUTEX_WAIT, expected, &timeout, nullptr, 0) == 0) {
    return Napi::Number::New(env, kWoken);
  }
  switch (errno) {
    case EINTR:  // A signal: the caller checks the word again, as after any wake-up.
      return Napi::Number::New(env, kWoken);
    case EAGAIN:
      return Napi::Number::New(env, kChanged);
    case ETIMEDOUT:
      return Napi::Number::New(env, kTimeout);
    default:
      return Napi::Number::New(env, -errno);
  }
}

Napi::Value FutexWake(const Napi::CallbackInfo& info) {
  int32_t* word = WordAt(info);
  if (word == nullptr || info.Length() < 3 || !info[2].IsNumber()) return Napi::Number::New(info.Env(), -EINVAL);
  int32_t count = info[2].As<Napi::Number>().Int32Value();
  long woken = syscall(SYS_futex, word, FUTEX_WAKE, count, nullptr, nullptr, 0);
  return Napi::Number::New(info.Env(), static_cast<double>(woken < 0 ? -errno : woken));
}

}  // namespace

void InitFutex(Napi::Env env, Napi::Object exports) {
  exports.Set("futexWait", Napi::Function::New<FutexWait>(env, "futexWait"));
  exports.Set("futexWake", Napi::Function::New<FutexWake>(env, "futexWake"));
}

}  // namespace shmtable
