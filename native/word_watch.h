#ifndef SHMTABLE_WORD_WATCH_H_
#define SHMTABLE_WORD_WATCH_H_

#include <napi.h>
#include <pthread.h>

#include <atomic>
#include <cstdint>

namespace shmtable {

// A thread that sleeps until a word of shared memory changes and then calls back into JavaScript.
//
// One call at a time: after a call the thread waits for `acknowledge` before it checks again, so that many changes in
// the meantime cause a single call. While it sleeps, the sleepers' word is 1; a thread that changes the word clears it
// before and wakes the sleepers afterwards. A process killed while it sleeps leaves a 1, which costs the next writer an
// unnecessary wake-up.
//
// The thread is joined by `stop`, by garbage collection, or before the end of the environment. That is always before
// the memory is unmapped, because the object refers to the view, and its hook runs before the finalizers.
class WordWatch : public Napi::ObjectWrap<WordWatch> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit WordWatch(const Napi::CallbackInfo& info);
  ~WordWatch() override;
  // Joins the thread; also called at the end of the environment.
  void Join();

 private:
  // (words, index of the word, index of the sleepers' word or -1 when the memory is read-only, value last seen,
  //  milliseconds after which it checks anyway, callback): 0, or a negated errno, EAGAIN if no thread can be created
  Napi::Value Start(const Napi::CallbackInfo& info);
  Napi::Value Acknowledge(const Napi::CallbackInfo& info);  // ()
  Napi::Value Stop(const Napi::CallbackInfo& info);         // ()

  static void* Begin(void* watch);
  void Run();
  void Sleep();
  // Releases everything that `start` acquired, when no thread uses it.
  void Release();

  Napi::Env env_;
  Napi::Reference<Napi::Int32Array> words_;
  Napi::ThreadSafeFunction callback_;
  std::atomic<int32_t>* word_ = nullptr;
  std::atomic<int32_t>* sleepers_ = nullptr;
  int32_t seen_ = 0;
  int64_t timeout_ms_ = 0;
  pthread_t thread_{};
  bool running_ = false;
  std::atomic<bool> stopping_{false};
  // 1 if the thread may continue; it sleeps on this after a call.
  std::atomic<int32_t> acknowledged_{1};
};

}  // namespace shmtable

#endif  // SHMTABLE_WORD_WATCH_H_
