#ifndef SHMTABLE_HELD_SIGNALS_H_
#define SHMTABLE_HELD_SIGNALS_H_

#include <signal.h>

namespace shmtable {

// Holds all signals back from this thread for as long as it lives: tmpfs gives up with EINTR and undoes its work at any
// of them, so a profiler's timer could otherwise keep a reservation from ever ending.
//
// A size over RLIMIT_FSIZE makes the kernel send SIGXFSZ besides EFBIG. That one is taken away in the end: the error says it.
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
