#ifndef SHMTABLE_PROCESS_ENDS_H_
#define SHMTABLE_PROCESS_ENDS_H_

#include <napi.h>
#include <pthread.h>

namespace shmtable {

// A thread that sleeps until a process ends and then calls back into JavaScript: one thread, whatever the number of
// processes. Each process is a pidfd in one epoll set, so nothing is polled, and a reused process id is not mistaken
// for the old process.
//
// A call says only that some process has ended. At most one call is pending, and it covers all ends before it runs.
//
// The thread is joined by `stop`, by garbage collection, or before the end of the environment.
class ProcessEnds : public Napi::ObjectWrap<ProcessEnds> {
 public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit ProcessEnds(const Napi::CallbackInfo& info);
  ~ProcessEnds() override;
  // Joins the thread; also what the environment's end calls.
  void Join();

 private:
  Napi::Value Start(const Napi::CallbackInfo& info);  // (callback): 0, or minus an errno
  // (process id): a number for `remove`, or a negated errno: ESRCH if there is no such process, ENOSYS on old kernels
  Napi::Value Add(const Napi::CallbackInfo& info);
  Napi::Value Remove(const Napi::CallbackInfo& info);  // (number)
  Napi::Value Stop(const Napi::CallbackInfo& info);    // ()

  static void* Begin(void* ends);
  void Run();
  void CloseAll();

  Napi::Env env_;
  Napi::ThreadSafeFunction callback_;
  pthread_t thread_{};
  int epoll_ = -1;
  // An eventfd, which becomes readable when the thread must end.
  int stop_ = -1;
  bool running_ = false;
};

}  // namespace shmtable

#endif  // SHMTABLE_PROCESS_ENDS_H_
