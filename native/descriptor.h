#ifndef SHMTABLE_DESCRIPTOR_H_
#define SHMTABLE_DESCRIPTOR_H_

#include <napi.h>

#include <atomic>
#include <cstdint>

namespace shmtable {

// An open file description that is not shared: opened here with close-on-exec, never duplicated and never inherited.
// Open-file-description locks taken through it therefore belong only to this object, and end with it.
class Descriptor : public Napi::ObjectWrap<Descriptor> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit Descriptor(const Napi::CallbackInfo& info);
  ~Descriptor() override;
  // Closes the description, then announces it; also what the environment's end calls.
  void CloseNow();

 private:
  // Opening.
  Napi::Value Open(const Napi::CallbackInfo& info);           // (path, flags, mode)
  Napi::Value Reopen(const Napi::CallbackInfo& info);         // (number, flags)
  Napi::Value OpenMemory(const Napi::CallbackInfo& info);     // (name, huge pages): hidden, empty
  Napi::Value OpenPublished(const Napi::CallbackInfo& info);  // (name): memory of this process, by name
  // Its name.
  Napi::Value PublishMemory(const Napi::CallbackInfo& info);   // (name)
  Napi::Value WithdrawMemory(const Napi::CallbackInfo& info);  // ()
  Napi::Value Link(const Napi::CallbackInfo& info);            // (path)
  Napi::Value UnlinkName(const Napi::CallbackInfo& info);      // (path, System V id?)
  // Its bytes.
  Napi::Value MakeHugePages(const Napi::CallbackInfo& info);  // (size)
  Napi::Value Reserve(const Napi::CallbackInfo& info);        // (size)
  Napi::Value Size(const Napi::CallbackInfo& info);     // ()
  Napi::Value Chmod(const Napi::CallbackInfo& info);    // (mode)
  // Its byte locks.
  Napi::Value TryLock(const Napi::CallbackInfo& info);   // (byte)
  Napi::Value Unlock(const Napi::CallbackInfo& info);    // (byte)
  Napi::Value IsLocked(const Napi::CallbackInfo& info);  // (byte)
  // (words, index): after the description is closed and its locks are released, advances this word and the next, on
  // which others sleep, and wakes them. Not at the end of the whole process, which a pidfd reports.
  Napi::Value AnnounceEnd(const Napi::CallbackInfo& info);

  Napi::Value Close(const Napi::CallbackInfo& info);
  Napi::Value Number(const Napi::CallbackInfo& info);

  Napi::Value Adopt(Napi::Env env, int fd_or_minus_errno);

  Napi::Env env_;
  int fd_ = -1;
  // Two words of `words_`, or null.
  std::atomic<int32_t>* ends_ = nullptr;
  Napi::Reference<Napi::Int32Array> words_;
};

}  // namespace shmtable

#endif  // SHMTABLE_DESCRIPTOR_H_
