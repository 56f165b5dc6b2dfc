#ifndef SHMTABLE_MAPPING_H_
#define SHMTABLE_MAPPING_H_

#include <napi.h>

namespace shmtable {

class Region;

// A range of memory that is backed by a file, a memory object or a System V segment, and the ArrayBuffer over it.
//
// The pages stay mapped until `close` or `detach`, or otherwise until both this object and the ArrayBuffer are
// garbage-collected: a view that outlives its handle continues to read the segment.
class Mapping : public Napi::ObjectWrap<Mapping> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit Mapping(const Napi::CallbackInfo& info);
  ~Mapping() override;

 private:
  Napi::Value Map(const Napi::CallbackInfo& info);           // (descriptor number, size, read-only, offset = 0)
  Napi::Value Attach(const Napi::CallbackInfo& info);        // (System V id, size, read-only, bytes of its pages)
  Napi::Value Replace(const Napi::CallbackInfo& info);       // (descriptor number, offset)
  Napi::Value Buffer(const Napi::CallbackInfo& info);        // the ArrayBuffer, or undefined once closed
  Napi::Value Protect(const Napi::CallbackInfo& info);       // (read-only)
  Napi::Value Sync(const Napi::CallbackInfo& info);          // ()
  Napi::Value Populate(const Napi::CallbackInfo& info);      // ()
  Napi::Value UseHugePages(const Napi::CallbackInfo& info);  // ()
  Napi::Value Close(const Napi::CallbackInfo& info);         // ()
  Napi::Value Detach(const Napi::CallbackInfo& info);        // ()

  // Takes the region, and creates an ArrayBuffer of its first `size` bytes: 0, or a negated errno.
  int Show(Napi::Env env, Region* region, size_t size);
  // Gives up this object's part of the region.
  void ReleaseOwn();

  Region* region_ = nullptr;
  Napi::Reference<Napi::ArrayBuffer> buffer_;
};

}  // namespace shmtable

#endif  // SHMTABLE_MAPPING_H_
