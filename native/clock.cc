// CLOCK_BOOTTIME: goes on while the machine sleeps and is never set, so an expiry compared with it stays right.
#include <napi.h>
#include <time.h>

namespace shmtable {
namespace {

Napi::Value BootTimeMs(const Napi::CallbackInfo& info) {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return Napi::Number::New(info.Env(), static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6);
}

}  // namespace

void InitClock(Napi::Env env, Napi::Object exports) {
  exports.Set("bootTimeMs", Napi::Function::New<BootTimeMs>(env, "bootTimeMs"));
}

}  // namespace shmtable
