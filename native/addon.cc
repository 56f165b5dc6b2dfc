// The addon: functions of the kernel (descriptors, mappings, System V segments, byte locks, futexes, clocks). It
// contains no table logic.
//
// Results: every call that can fail returns 0 or more on success, and the negated errno otherwise. No exception crosses
// Node-API. Arguments are checked in TypeScript, and here only if a wrong one would crash the process.
//
// Lifetime: every handle is owned by a JavaScript object of one environment, and released by its `close`, by garbage
// collection, or by the end of the environment, whichever comes first, so a terminated worker keeps nothing.
#include <napi.h>

#include "descriptor.h"
#include "mapping.h"
#include "process_ends.h"
#include "word_watch.h"

namespace shmtable {

void InitClock(Napi::Env env, Napi::Object exports);
void InitFutex(Napi::Env env, Napi::Object exports);
void InitSystemV(Napi::Env env, Napi::Object exports);

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Descriptor::Init(env, exports);
  Mapping::Init(env, exports);
  ProcessEnds::Init(env, exports);
  WordWatch::Init(env, exports);
  InitFutex(env, exports);
  InitSystemV(env, exports);
  InitClock(env, exports);
  return exports;
}

}  // namespace
}  // namespace shmtable

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports) { return shmtable::Init(env, exports); }

NODE_API_MODULE(shmtable, InitAddon)
