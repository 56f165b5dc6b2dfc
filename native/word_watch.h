#ifndef SHMTABLE_WORD_WATCH_H_
#define SHMTABLE_WORD_WATCH_H_

#include <napi.h>
#include <pthread.h>

#include <atomic>
#include <cstdint>

namespace shmtable {

// A thread that sleeps until a word of shared memory changes and then calls back into JavaScript.
//
// One call at a time: after a call the thread waits for `acknowledge` before it looks again, so that a storm of changes
// costs one call for all that came meanwhile. While it sleeps the sleepers' word is 1; whoever changes the word clears
// it before and wakes after. A process killed while it sleeps leaves a 1, which costs the next writer one wake-up for
// nobody.
//
// The thread is joined by `stop`, by garbage collection, or before the end of the environment, always before the
// memory goes: the object holds the view, and its hook runs before the finalizers.
class WordWatch : public Napi::ObjectWrap<WordWatch> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit WordWatch(const Napi::CallbackInfo& info);
  ~WordWatch() override;
  // Joins the thread; also what the environment's end calls.
  void Join();

 private:
  // (words, index of the word, index of the sleepers' word or -1 when the memory is read-only, value last seen,
  //  milliseconds after which it looks anyway, callback): 0, or minus an errno, EAGAIN where no thread can be made
  Napi::Value Start(const Napi::CallbackInfo& info);
  Napi::Value Acknowledge(const Napi::CallbackInfo& info);  // ()
  Napi::Value Stop(const Napi::CallbackInfo& info);         // ()

  static void* Begin(void* watch);
  void Run();
  void Sleep();
  // Lets go of what `start` took, once no thread uses it.
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
  // 1 when the thread may go on: what it sleeps on after a call.
  std::atomic<int32_t> acknowledged_{1};
};

}  // namespace shmtable

#endif  // SHMTABLE_WORD_WATCH_H_
