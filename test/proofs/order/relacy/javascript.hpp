// JavaScript's accesses to shared memory in terms of C++11, for relacy.
//
// C++11 lacks one rule of arm64 on which the protocol relies, and has one that arm64 lacks:
// - A release followed by an acquire, of any words, separates what is before the first from what is after the second
//   ("R3" in docs/design.md). In C++11 only a fence does that, so `separate` stands where a release is followed by an
//   acquire and only the accesses before the first and after the second matter.
// - relacy executes sequentially consistent operations in one order, in which a plain store never precedes an earlier
//   one of them. STLR does not order later plain stores. So Atomics.load, Atomics.store and changes are acquire, release
//   and both, which is less than they are on arm64.
// A plain access is a relaxed one. A load of a number that leads to other memory is a consume load, which relacy treats
// as an acquire; test/proofs/order/steps.ts checks the addresses by themselves.
#ifndef SHMTABLE_RELACY_JAVASCRIPT_HPP_
#define SHMTABLE_RELACY_JAVASCRIPT_HPP_

#include <relacy/relacy.hpp>

#include <cstring>

using Word = rl::atomic<int>;

// The order that is left out, or an empty string.
inline const char*& Without() {
  static const char* order = "";
  return order;
}

// Whether this order is there.
inline bool Has(const char* order) { return std::strcmp(Without(), order) != 0; }

inline int Load(Word& word) { return word($).load(rl::mo_relaxed); }
inline void Store(Word& word, int value) { word($).store(value, rl::mo_relaxed); }
inline int LoadNumber(Word& word) { return word($).load(rl::mo_consume); }
inline int LoadAcquire(Word& word) { return word($).load(rl::mo_acquire); }
inline void StoreRelease(Word& word, int value) { word($).store(value, rl::mo_release); }
inline int Exchange(Word& word, int value) { return word($).exchange(value, rl::mo_acq_rel); }
inline int Add(Word& word, int value) { return word($).fetch_add(value, rl::mo_acq_rel); }

// Returns the previous value.
inline int CompareExchange(Word& word, int expected, int value) {
  int found = expected;
  word($).compare_exchange_strong(found, value, rl::mo_acq_rel, rl::mo_acquire);
  return found;
}

inline void Fence() { rl::atomic_thread_fence(rl::mo_seq_cst, $); }

// Between a release and the next acquire of a thread: see above.
inline void Separate() { Fence(); }

inline int LoadAfter(Word& word) {
  Fence();
  return LoadAcquire(word);
}

// The same operations, if the order is there, and otherwise the weaker ones that a program without it would have.
inline int LoadAcquireIf(const char* order, Word& word) { return Has(order) ? LoadAcquire(word) : Load(word); }
inline void StoreReleaseIf(const char* order, Word& word, int value) {
  if (Has(order)) {
    StoreRelease(word, value);
  } else {
    Store(word, value);
  }
}
inline int LoadAfterIf(const char* order, Word& word) { return Has(order) ? LoadAfter(word) : LoadAcquire(word); }
inline void FenceIf(const char* order) {
  if (Has(order)) Fence();
}

// The lock of a bucket or of a ring, tried once.
inline bool TryLock(Word& lock, int id) { return CompareExchange(lock, 0, id) == 0; }

// Comes after releases of versions and entries, which it separates from what the thread stores afterwards.
inline void Unlock(Word& lock) {
  if (Has("the lock is released by an atomic change, after a release")) Separate();
  Exchange(lock, 0);
}

#endif  // SHMTABLE_RELACY_JAVASCRIPT_HPP_
