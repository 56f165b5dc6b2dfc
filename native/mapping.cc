#include "mapping.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdint>

#include "huge_pages.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace shmtable {

// The mapped pages, unmapped once: by an explicit call or by the last of their two owners, the Mapping and the
// ArrayBuffer's finalizer. Both run in the thread of the environment, so the owners are counted without a lock.
// Not std::shared_ptr, which refers to a variable that is not in every C library.
class Region {
 public:
  enum Kind { kMapped, kAttached };

  Region(void* address, size_t size, Kind kind) : address_(address), size_(size), kind_(kind) {}
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  void Keep() { owners_++; }
  void Release() {
    if (--owners_ == 0) delete this;
  }

  void Unmap() {
    if (address_ == nullptr) return;
    if (kind_ == kAttached) {
      shmdt(address_);
    } else {
      munmap(address_, size_);
    }
    address_ = nullptr;
  }

  // Replaces the object's pages by anonymous zero pages, so this process no longer maps the object. They take memory
  // only if they are written, and the kernel merges adjacent ones, so that many of them are one entry of the memory
  // map. Replacing the pages of a System V segment detaches from it, as shmdt would.
  bool Vacate() {
    if (mmap(address_, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) ==
        MAP_FAILED) {
      return false;
    }
    kind_ = kMapped;
    return true;
  }
  void* address() const { return address_; }
  size_t size() const { return size_; }

 private:
  ~Region() { Unmap(); }

  // Its creator is the first.
  int owners_ = 1;
  void* address_;
  // Whole huge pages: munmap and mprotect do not accept a part of one.
  size_t size_;
  Kind kind_;
};

namespace {

Napi::Value Result(const Napi::CallbackInfo& info, int value) { return Napi::Number::New(info.Env(), value); }

size_t RoundUp(size_t size, size_t unit) { return unit == 0 ? size : (size + unit - 1) / unit * unit; }

// Bytes of the huge pages that the object behind a descriptor consists of; 0 for ordinary pages.
size_t HugePageBytes(int fd) {
  struct statfs status;
  if (fstatfs(fd, &status) != 0 || status.f_type != HUGETLBFS_MAGIC) return 0;
  return static_cast<size_t>(status.f_bsize);
}

void ReleaseRegion(napi_env, void*, void* hint) { static_cast<Region*>(hint)->Release(); }

}  // namespace

void Mapping::Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Mapping", DefineClass(env, "Mapping",
                                     {
                                         InstanceMethod<&Mapping::Map>("map"),
                                         InstanceMethod<&Mapping::Attach>("attach"),
                                         InstanceMethod<&Mapping::Replace>("replace"),
                                         InstanceAccessor<&Mapping::Buffer>("buffer"),
                                         InstanceMethod<&Mapping::Protect>("protect"),
                                         InstanceMethod<&Mapping::Sync>("sync"),
                                         InstanceMethod<&Mapping::Populate>("populate"),
                                         InstanceMethod<&Mapping::UseHugePages>("useHugePages"),
                                         InstanceMethod<&Mapping::Close>("close"),
                                         InstanceMethod<&Mapping::Detach>("detach"),
                                     }));
}

Mapping::Mapping(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Mapping>(info) {}

Mapping::~Mapping() { ReleaseOwn(); }

void Mapping::ReleaseOwn() {
  if (region_ == nullptr) return;
  region_->Release();
  region_ = nullptr;
}

Napi::Value Mapping::Map(const Napi::CallbackInfo& info) {
  if (region_ != nullptr || info.Length() < 3 || !info[0].IsNumber() || !info[1].IsNumber() || !info[2].IsBoolean()) {
    return Result(info, -EINVAL);
  }
  int fd = info[0].As<Napi::Number>().Int32Value();
  int64_t size = info[1].As<Napi::Number>().Int64Value();
  int protection = info[2].As<Napi::Boolean>().Value() ? PROT_READ : PROT_READ | PROT_WRITE;
  int64_t offset = info.Length() > 3 && info[3].IsNumber() ? info[3].As<Napi::Number>().Int64Value() : 0;
  if (size <= 0 || offset < 0) return Result(info, -EINVAL);
  size_t bytes = RoundUp(static_cast<size_t>(size), HugePageBytes(fd));
  void* address = MapAligned(bytes, protection, fd, offset);
  if (address == MAP_FAILED) return Result(info, -errno);
  return Result(info, Show(info.Env(), new Region(address, bytes, Region::kMapped), static_cast<size_t>(size)));
}

Napi::Value Mapping::Attach(const Napi::CallbackInfo& info) {
  if (region_ != nullptr || info.Length() < 4 || !info[0].IsNumber() || !info[1].IsNumber() || !info[2].IsBoolean() ||
      !info[3].IsNumber()) {
    return Result(info, -EINVAL);
  }
  int id = info[0].As<Napi::Number>().Int32Value();
  int64_t size = info[1].As<Napi::Number>().Int64Value();
  int flags = info[2].As<Napi::Boolean>().Value() ? SHM_RDONLY : 0;
  int64_t page = info[3].As<Napi::Number>().Int64Value();
  int64_t shown = info.Length() > 4 && info[4].IsNumber() ? info[4].As<Napi::Number>().Int64Value() : size;
  if (size <= 0 || page < 0 || shown <= 0 || shown > size) return Result(info, -EINVAL);
  void* const failed = reinterpret_cast<void*>(-1);
  void* address = failed;
  // It fails if another thread has taken the address.
  for (int tries = 0; address == failed && tries < kAlignedTries; tries++) {
    address = shmat(id, AlignedAddress(static_cast<size_t>(size), 0), flags);
  }
  if (address == failed) address = shmat(id, nullptr, flags);
  if (address == failed) return Result(info, -errno);
  // The id may have been reused for another segment since its size was read.
  shmid_ds status;
  int error = shmctl(id, IPC_STAT, &status) != 0 ? errno : 0;
  if (error == 0 && status.shm_segsz != static_cast<size_t>(size)) error = EIDRM;
  if (error != 0) {
    shmdt(address);
    return Result(info, -error);
  }
  const size_t bytes = RoundUp(static_cast<size_t>(size), static_cast<size_t>(page));
  return Result(info, Show(info.Env(), new Region(address, bytes, Region::kAttached), static_cast<size_t>(shown)));
}

// Replaces the mapping by a writable one of the same bytes of the same object through another descriptor: the kernel
// shows a mapping with the name with which the descriptor was opened.
Napi::Value Mapping::Replace(const Napi::CallbackInfo& info) {
  if (region_ == nullptr || info.Length() < 2 || !info[0].IsNumber() || !info[1].IsNumber()) return Result(info, -EINVAL);
  void* address = mmap(region_->address(), region_->size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                       info[0].As<Napi::Number>().Int32Value(),
                       static_cast<off_t>(info[1].As<Napi::Number>().Int64Value()));
  return Result(info, address == MAP_FAILED ? -errno : 0);
}

int Mapping::Show(Napi::Env env, Region* region, size_t size) {
  // For the ArrayBuffer.
  region->Keep();
  napi_value value = nullptr;
  if (napi_create_external_arraybuffer(env, region->address(), size, ReleaseRegion, region, &value) != napi_ok) {
    // Node runs the finalizer, which releases the ArrayBuffer's part, only in some of these cases. The pages are
    // released here in any case.
    region->Unmap();
    region->Release();
    if (env.IsExceptionPending()) env.GetAndClearPendingException();
    return -ENOMEM;
  }
  region_ = region;
  buffer_ = Napi::Persistent(Napi::ArrayBuffer(env, value));
  return 0;
}

Napi::Value Mapping::Buffer(const Napi::CallbackInfo& info) {
  return buffer_.IsEmpty() ? info.Env().Undefined() : buffer_.Value();
}

Napi::Value Mapping::Protect(const Napi::CallbackInfo& info) {
  if (region_ == nullptr || info.Length() < 1 || !info[0].IsBoolean()) return Result(info, -EINVAL);
  int protection = info[0].As<Napi::Boolean>().Value() ? PROT_READ : PROT_READ | PROT_WRITE;
  return Result(info, mprotect(region_->address(), region_->size(), protection) == 0 ? 0 : -errno);
}

Napi::Value Mapping::Sync(const Napi::CallbackInfo& info) {
  if (region_ == nullptr) return Result(info, -EINVAL);
  return Result(info, msync(region_->address(), region_->size(), MS_SYNC) == 0 ? 0 : -errno);
}

// Allocates all pages now, for memory that fallocate(2) does not support. Only before another process maps it: kernels
// before 5.14 do not have this operation, and the zeros that are written instead would overwrite what others write.
Napi::Value Mapping::Populate(const Napi::CallbackInfo& info) {
  if (region_ == nullptr) return Result(info, -EINVAL);
  if (madvise(region_->address(), region_->size(), MADV_POPULATE_WRITE) == 0) return Result(info, 0);
  if (errno != EINVAL) return Result(info, -errno);
  auto* bytes = static_cast<volatile char*>(region_->address());
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  for (size_t at = 0; at < region_->size(); at += page) bytes[at] = 0;
  return Result(info, 0);
}

Napi::Value Mapping::UseHugePages(const Napi::CallbackInfo& info) {
  return Result(info, region_ != nullptr ? shmtable::UseHugePages(region_->address(), region_->size()) : -EINVAL);
}

// A view that was kept then reads zeros, and its writes are lost. Detaching the buffer would be simpler, but after the
// first detached buffer V8 11.3 (Node 20) checks every typed-array access of the isolate anew: 32 Mi loads of an
// Int32Array went from 18 to 35 ms, 15 M random reads and writes from 22 to 36 ms (no difference on Node 22 and 24).
// The address range is released when the ArrayBuffer is garbage-collected.
Napi::Value Mapping::Close(const Napi::CallbackInfo& info) {
  if (region_ == nullptr) return info.Env().Undefined();
  if (!region_->Vacate()) return Detach(info);
  buffer_.Reset();
  ReleaseOwn();
  return info.Env().Undefined();
}

// Leaves views of the buffer without elements and unmaps immediately, at the cost described above.
Napi::Value Mapping::Detach(const Napi::CallbackInfo& info) {
  if (region_ == nullptr) return info.Env().Undefined();
  buffer_.Value().Detach();
  buffer_.Reset();
  region_->Unmap();
  ReleaseOwn();
  return info.Env().Undefined();
}

}  // namespace shmtable
