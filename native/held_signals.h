#ifndef SHMTABLE_HELD_SIGNALS_H_
#define SHMTABLE_HELD_SIGNALS_H_

#include <signal.h>

namespace shmtable {

// Blocks all signals in this thread as long as the object exists: on any signal tmpfs fails with EINTR and undoes its
// work, so a profiler's timer could prevent a reservation from ever completing.
//
// For a size over RLIMIT_FSIZE the kernel sends SIGXFSZ in addition to EFBIG. That signal is discarded at the end,
// because the error already reports it.
class HeldSignals {
 public:
  HeldSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }

  ~HeldSignals() {
    sigset_t limit;
    sigemptyset(&limit);
    sigaddset(&limit, SIGXFSZ);
    const timespec now{};
    sigtimedwait(&limit, nullptr, &now);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace shmtable

#endif  // SHMTABLE_HELD_SIGNALS_H_
