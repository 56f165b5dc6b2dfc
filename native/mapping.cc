#include "mapping.h"

#include <errno.h>
#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace shmtable {

// The mapped pages, unmapped once: by an explicit call or by the last of their two owners, the Mapping and the
// ArrayBuffer's finalizer. Both run in the thread of the environment.
class Region {
 public:
  Region(void* address, size_t size) : address_(address), size_(size) {}
  ~Region() { Unmap(); }
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  void Unmap() {
    if (address_ != nullptr) munmap(address_, size_);
    address_ = nullptr;
  }

  // Puts nameless zero pages in the place of the object's, which this process then no longer maps. They take memory
  // only if somebody writes to them, and the kernel joins neighbours, so that many of them are one entry of its map.
  bool Vacate() {
    return mmap(address_, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
                0) != MAP_FAILED;
  }
  void* address() const { return address_; }
  size_t size() const { return size_; }

 private:
  void* address_;
  size_t size_;
};

namespace {

Napi::Value Result(const Napi::CallbackInfo& info, int value) { return Napi::Number::New(info.Env(), value); }

void ReleaseRegion(napi_env, void*, void* hint) { delete static_cast<std::shared_ptr<Region>*>(hint); }

}  // namespace

void Mapping::Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Mapping", DefineClass(env, "Mapping",
                                     {
                                         InstanceMethod<&Mapping::Map>("map"),
                                         InstanceAccessor<&Mapping::Buffer>("buffer"),
                                         InstanceMethod<&Mapping::Protect>("protect"),
                                         InstanceMethod<&Mapping::Sync>("sync"),
                                         InstanceMethod<&Mapping::UseHugePages>("useHugePages"),
                                         InstanceMethod<&Mapping::Close>("close"),
                                         InstanceMethod<&Mapping::Detach>("detach"),
                                     }));
}

Mapping::Mapping(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Mapping>(info) {}

Napi::Value Mapping::Map(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (region_ || info.Length() < 3 || !info[0].IsNumber() || !info[1].IsNumber() || !info[2].IsBoolean()) {
    return Result(info, -EINVAL);
  }
  int fd = info[0].As<Napi::Number>().Int32Value();
  int64_t size = info[1].As<Napi::Number>().Int64Value();
  int protection = info[2].As<Napi::Boolean>().Value() ? PROT_READ : PROT_READ | PROT_WRITE;
  if (size <= 0) return Result(info, -EINVAL);
  void* address = mmap(nullptr, static_cast<size_t>(size), protection, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return Result(info, -errno);
  region_ = std::make_shared<Region>(address, static_cast<size_t>(size));

  auto* owner = new std::shared_ptr<Region>(region_);
  napi_value value = nullptr;
  if (napi_create_external_arraybuffer(env, address, static_cast<size_t>(size), ReleaseRegion, owner, &value) !=
      napi_ok) {
    // Node runs the finalizer in some of these cases and not in others: `owner` is left to it, the pages are not.
    region_->Unmap();
    region_.reset();
    if (env.IsExceptionPending()) env.GetAndClearPendingException();
    return Result(info, -ENOMEM);
  }
  buffer_ = Napi::Persistent(Napi::ArrayBuffer(env, value));
  return Result(info, 0);
}

Napi::Value Mapping::Buffer(const Napi::CallbackInfo& info) {
  return buffer_.IsEmpty() ? info.Env().Undefined() : buffer_.Value();
}

Napi::Value Mapping::Protect(const Napi::CallbackInfo& info) {
  if (!region_ || info.Length() < 1 || !info[0].IsBoolean()) return Result(info, -EINVAL);
  int protection = info[0].As<Napi::Boolean>().Value() ? PROT_READ : PROT_READ | PROT_WRITE;
  return Result(info, mprotect(region_->address(), region_->size(), protection) == 0 ? 0 : -errno);
}

Napi::Value Mapping::Sync(const Napi::CallbackInfo& info) {
  if (!region_) return Result(info, -EINVAL);
  return Result(info, msync(region_->address(), region_->size(), MS_SYNC) == 0 ? 0 : -errno);
}

// The reserved pages are small ones (fallocate knows nothing of this mapping), so the advice alone would only change
// them in time, if khugepaged comes by; MADV_COLLAPSE (Linux 6.1) does it now or says why not.
Napi::Value Mapping::UseHugePages(const Napi::CallbackInfo& info) {
  if (!region_) return Result(info, -EINVAL);
  if (madvise(region_->address(), region_->size(), MADV_HUGEPAGE) != 0) return Result(info, -errno);
  return Result(info, madvise(region_->address(), region_->size(), MADV_COLLAPSE) == 0 ? 0 : -errno);
}

// A forgotten view then reads zeros and writes to nobody. Detaching the buffer would be simpler, but after the first
// detached buffer V8 11.3 (Node 20) checks every typed-array access of the isolate anew: 32 Mi loads of an Int32Array
// went from 18 to 35 ms, 15 M random reads and writes from 22 to 36 ms (no difference on Node 22 and 24). The range of
// addresses goes back when the ArrayBuffer is garbage.
Napi::Value Mapping::Close(const Napi::CallbackInfo& info) {
  if (!region_) return info.Env().Undefined();
  if (!region_->Vacate()) return Detach(info);
  buffer_.Reset();
  region_.reset();
  return info.Env().Undefined();
}

// Leaves views of the buffer without elements and unmaps at once, at the cost described above.
Napi::Value Mapping::Detach(const Napi::CallbackInfo& info) {
  if (!region_) return info.Env().Undefined();
  buffer_.Value().Detach();
  buffer_.Reset();
  region_->Unmap();
  region_.reset();
  return info.Env().Undefined();
}

}  // namespace shmtable
