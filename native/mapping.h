#ifndef SHMTABLE_MAPPING_H_
#define SHMTABLE_MAPPING_H_

#include <napi.h>

#include <memory>

namespace shmtable {

class Region;

// A range of memory that a file or memory object backs, and the ArrayBuffer that shows it.
//
// The pages stay mapped until `close` or `detach`, or, when nobody closes, until both this object and the ArrayBuffer are garbage:
// a view that outlives its handle goes on reading the segment.
class Mapping : public Napi::ObjectWrap<Mapping> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit Mapping(const Napi::CallbackInfo& info);

 private:
  Napi::Value Map(const Napi::CallbackInfo& info);           // (descriptor number, size, read-only)
  Napi::Value Buffer(const Napi::CallbackInfo& info);        // the ArrayBuffer, or undefined once closed
  Napi::Value Protect(const Napi::CallbackInfo& info);       // (read-only)
  Napi::Value Sync(const Napi::CallbackInfo& info);          // ()
  Napi::Value UseHugePages(const Napi::CallbackInfo& info);  // ()
  Napi::Value Close(const Napi::CallbackInfo& info);         // ()
  Napi::Value Detach(const Napi::CallbackInfo& info);        // ()

  std::shared_ptr<Region> region_;
  Napi::Reference<Napi::ArrayBuffer> buffer_;
};

}  // namespace shmtable

#endif  // SHMTABLE_MAPPING_H_
