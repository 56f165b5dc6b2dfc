// Scenarios of what is shared beside rows: hints, blocks, the change feed, rings, metrics, caches.
#ifndef SHMTABLE_RELACY_SHARING_HPP_
#define SHMTABLE_RELACY_SHARING_HPP_

#include "javascript.hpp"

// Two participants take and free a slice; at the end its hint agrees with its owner. `Occupancy.sync`.
struct Hints : rl::test_suite<Hints, 2> {
  static constexpr const char* kOrders[] = {
      "a hint is changed by an atomic change",
      "the owner is loaded again after that",
  };
  Word owner, hint;

  void before() {
    Store(owner, 1);
    Store(hint, 1);
  }

  void Sync() {
    bool isTaken;
    do {
      isTaken = Load(owner) != 0;
      if (Has("a hint is changed by an atomic change")) {
        Exchange(hint, isTaken ? 1 : 0);
      } else {
        hint($).exchange(isTaken ? 1 : 0, rl::mo_relaxed);
      }
    } while (Has("the owner is loaded again after that") && (Load(owner) != 0) != isTaken);
  }

  void thread(unsigned index) {
    if (index == 0) {
      CompareExchange(owner, 1, 0);
      Sync();
    } else {
      for (int tries = 0; tries < 2; tries++) {
        if (CompareExchange(owner, 0, 2) != 0) continue;
        Sync();
        CompareExchange(owner, 2, 0);
        Sync();
        return;
      }
    }
  }

  void after() { RL_ASSERT((Load(owner) != 0) == (Load(hint) != 0)); }
};

// A block goes from a row that was replaced to another participant, while a reader follows the row's chain.
struct Blocks : rl::test_suite<Blocks, 3> {
  static constexpr const char* kOrders[] = {
      "a block is freed by a release store",
      "a block is claimed by an atomic change",
      "the version is checked after the blocks",
  };
  Word version, entry, owner, next, payload;

  void before() {
    Store(version, 0);
    Store(entry, 1);
    Store(owner, 5);
    Store(next, 7);
    Store(payload, 1);
  }

  void thread(unsigned index) {
    if (index == 0) {
      StoreRelease(entry, 2);
      StoreRelease(version, 1);
      RL_ASSERT(Load(next) == 7);
      StoreReleaseIf("a block is freed by a release store", owner, 0);
    } else if (index == 1) {
      if (Has("a block is claimed by an atomic change")) {
        if (CompareExchange(owner, 0, 6) != 0) return;
        // Ordered by the change itself, which arm64 performs before later stores: a fence in C++11.
        Separate();
      } else {
        if (Load(owner) != 0) return;
        Store(owner, 6);
      }
      Store(next, 8);
      Store(payload, 2);
    } else {
      int before = LoadAcquire(version);
      if (LoadNumber(entry) != 1) return;
      int n = Load(next);
      int content = Load(payload);
      if (LoadAfterIf("the version is checked after the blocks", version) == before) RL_ASSERT(n == 7 && content == 1);
    }
  }
};

// Two producers publish changes in a ring of one cell, which a reader reads. `ChangeFeed`.
struct Feed : rl::test_suite<Feed, 3> {
  static constexpr const char* kOrders[] = {
      "the claim is loaded before the content is stored",
      "a cell is published by an atomic change",
      "the claim is loaded by an acquire",
      "the claim is checked after the content",
  };
  // Claims: twice the lap, and 1 when it is published.
  Word head, claim, kind, key;

  // The first change is published.
  void before() {
    Store(head, 2);
    Store(claim, 3);
    Store(kind, 1);
    Store(key, 1);
  }

  void thread(unsigned index) {
    if (index < 2) {
      int sequence = LoadAcquire(head);
      int before = LoadAcquire(claim);
      if (before != 2 * sequence - 1) return;
      if (CompareExchange(claim, before, 2 * sequence) != before) return;
      CompareExchange(head, sequence, sequence + 1);
      if (Has("the claim is loaded before the content is stored")) {
        Separate();
        RL_ASSERT(LoadAcquire(claim) == 2 * sequence);
      }
      Store(kind, sequence);
      Store(key, sequence);
      if (Has("a cell is published by an atomic change")) {
        CompareExchange(claim, 2 * sequence, 2 * sequence + 1);
      } else {
        Store(claim, 2 * sequence + 1);
      }
      return;
    }
    int before = LoadAcquireIf("the claim is loaded by an acquire", claim);
    int k = Load(kind);
    int text = Load(key);
    if ((before & 1) == 0) return;
    if (LoadAfterIf("the claim is checked after the content", claim) != before) return;
    RL_ASSERT(k == before / 2 && text == k);
  }
};

// A watcher that goes to sleep on a word, and two writers that advance it. `advanceAndWake`, `WordWatch::Sleep`.
struct Watch : rl::test_suite<Watch, 3> {
  static constexpr const char* kOrders[] = {
      "the mark is loaded again after the word has advanced",
      "the mark is set before the kernel compares the word",
      "the mark is cleared before the word advances",
      "a change is published before the word",
  };
  Word word, mark, change;
  rl::var<int> sleeps, wakes;
  rl::mutex kernel;

  void before() {
    for (Word* each : {&word, &mark, &change}) Store(*each, 0);
    sleeps($) = 0;
    wakes($) = 0;
  }

  // The kernel wakes who sleeps at this moment.
  void Wake() {
    kernel.lock($);
    sleeps($) = 0;
    kernel.unlock($);
  }

  void thread(unsigned index) {
    if (index < 2) {
      Add(change, 1);
      bool isAsleep = LoadAcquire(mark) != 0;
      bool isEarly = Has("the mark is cleared before the word advances");
      if (isAsleep && isEarly) StoreRelease(mark, 0);
      if (Has("a change is published before the word")) {
        Add(word, 1);
      } else {
        word($).fetch_add(1, rl::mo_relaxed);
      }
      if (isAsleep && !isEarly) StoreRelease(mark, 0);
      if (Has("the mark is loaded again after the word has advanced")) {
        Separate();
        isAsleep = isAsleep || LoadAcquire(mark) != 0;
      }
      if (isAsleep) Wake();
      return;
    }
    for (int round = 0; round < 2; round++) {
      int seen = LoadAcquire(word);
      if (Has("a change is published before the word")) RL_ASSERT(LoadAcquire(change) >= seen);
      else RL_ASSERT(Load(change) >= seen);
      StoreRelease(mark, 1);
      if (Has("the mark is set before the kernel compares the word")) Fence();
      // The comparison and the beginning of the sleep are one step of the kernel.
      kernel.lock($);
      bool isUnchanged = LoadAcquire(word) == seen;
      if (isUnchanged) sleeps($) = 1;
      kernel.unlock($);
      wakes($) = seen;
      if (isUnchanged) return;
    }
  }

  // Whoever sleeps has seen the last value of the word.
  void after() { RL_ASSERT(sleeps($) == 0 || wakes($) == LoadAcquire(word)); }
};

// A ring with room for one record: read, freed, collected and overwritten. `RingBuffer`.
struct Ring : rl::test_suite<Ring, 2> {
  static constexpr const char* kOrders[] = {
      "a fence before a header is written",
      "the tail is loaded after the header",
      "the tail is loaded after the payload",
      "a record is committed by an atomic change",
  };
  static constexpr int kCommitted = 9;
  static constexpr int kFree = 0;
  Word lock, tail, head, state, bytes, payload;

  void before() {
    for (Word* word : {&lock, &tail}) Store(*word, 0);
    Store(head, 1);
    Store(state, kCommitted);
    Store(bytes, 1);
    Store(payload, 1);
  }

  void thread(unsigned index) {
    if (index == 0) {
      CompareExchange(state, kCommitted, kFree);
      RL_ASSERT(TryLock(lock, 5));
      StoreRelease(tail, 1);
      FenceIf("a fence before a header is written");
      Store(bytes, 2);
      StoreRelease(state, 5);
      StoreRelease(head, 2);
      Unlock(lock);
      Store(payload, 2);
      if (Has("a record is committed by an atomic change")) {
        CompareExchange(state, 5, kCommitted);
      } else {
        Store(state, kCommitted);
      }
      return;
    }
    int position = LoadAcquire(tail);
    if (position >= LoadAcquire(head)) return;
    int is = LoadAcquire(state);
    int length = Load(bytes);
    if (LoadAfterIf("the tail is loaded after the header", tail) > position) return;
    if (is == kCommitted) RL_ASSERT(length == position + 1);
    if (is != kCommitted) return;
    int content = Load(payload);
    if (LoadAfterIf("the tail is loaded after the payload", tail) == position) RL_ASSERT(content == position + 1);
  }
};

// A histogram is observed twice, and read once. `MetricHistogram`.
struct Histogram : rl::test_suite<Histogram, 2> {
  static constexpr const char* kOrders[] = {
      "the step is a release store",
      "a fence after the step",
      "the step is loaded by an acquire",
      "the step is checked after the numbers",
  };
  Word step, newCount, newSum, count, sum;

  void before() {
    for (Word* word : {&step, &newCount, &newSum, &count, &sum}) Store(*word, 0);
  }

  void Advance() {
    StoreReleaseIf("the step is a release store", step, Load(step) + 1);
    FenceIf("a fence after the step");
  }

  void thread(unsigned index) {
    if (index == 0) {
      for (int observations = 1; observations <= 2; observations++) {
        Store(newCount, observations);
        Store(newSum, observations);
        Advance();
        Store(count, observations);
        Store(sum, observations);
        Advance();
      }
      return;
    }
    int before = LoadAcquireIf("the step is loaded by an acquire", step);
    bool isCommitted = (before & 1) == 1;
    int s = Load(isCommitted ? newSum : sum);
    int c = Load(isCommitted ? newCount : count);
    if (LoadAfterIf("the step is checked after the numbers", step) == before) RL_ASSERT(c == s && c == (before + 1) / 2);
  }
};

// Two processes add an entry to a list, a third one reads it. `MetricEntries`, `GlobalPool`.
struct List : rl::test_suite<List, 3> {
  static constexpr const char* kOrders[] = {
      "an entry is linked by an atomic change",
      "a link is loaded by an acquire",
  };
  Word first, next[3], name[3];

  void before() {
    Store(first, 0);
    for (int i = 0; i < 3; i++) {
      Store(next[i], 0);
      Store(name[i], 0);
    }
  }

  void Link(Word& last, int entry) {
    if (Has("an entry is linked by an atomic change")) {
      CompareExchange(last, 0, entry);
    } else {
      int expected = 0;
      last($).compare_exchange_strong(expected, entry, rl::mo_relaxed, rl::mo_relaxed);
    }
  }

  void thread(unsigned index) {
    int own = static_cast<int>(index) + 1;
    if (index < 2) {
      Store(name[own], own);
      Link(first, own);
      int linked = LoadAcquire(first);
      if (linked != own) Link(next[linked], own);
      return;
    }
    int entry = LoadAcquireIf("a link is loaded by an acquire", first);
    for (int followed = 0; entry != 0 && followed < 2; followed++) {
      RL_ASSERT(Load(name[entry]) == entry);
      entry = LoadAcquireIf("a link is loaded by an acquire", next[entry]);
    }
  }
};

// A handle loads a key under a lease while another one changes its source and deletes the key; a third one waits for the
// value. `KeyLoad`, `Leases`, `Cache.delete`.
struct Lease : rl::test_suite<Lease, 3> {
  static constexpr const char* kOrders[] = {
      "the source is read after the lease was taken",
      "the lease is voided after the source has changed",
      "the value is looked up after the lease was voided",
      "the lease ends after the value was stored",
      "a waiter looks up the value after the lease",
  };
  static constexpr int kHeld = 1;
  static constexpr int kEnded = 2;
  static constexpr int kVoid = 3;
  static constexpr int kOld = 1;
  static constexpr int kNew = 2;
  Word source, lease, value;

  void before() {
    Store(source, kOld);
    Store(lease, 0);
    Store(value, 0);
  }

  void Remove() {
    int found = LoadAcquire(value);
    if (found != 0) CompareExchange(value, found, 0);
  }

  void Void() {
    if (Has("the lease is voided after the source has changed")) Separate();
    int found = LoadAcquire(lease);
    if (found == kHeld) CompareExchange(lease, kHeld, kVoid);
  }

  void thread(unsigned index) {
    if (index == 0) {
      CompareExchange(lease, 0, kHeld);
      if (Has("the source is read after the lease was taken")) Separate();
      int loaded = LoadAcquire(source);
      if (LoadAcquire(lease) != kHeld) return;
      int before = kHeld;
      if (Has("the lease ends after the value was stored")) {
        StoreRelease(value, loaded);
        before = CompareExchange(lease, kHeld, kEnded);
      } else {
        Store(value, loaded);
        lease($).compare_exchange_strong(before, kEnded, rl::mo_relaxed, rl::mo_relaxed);
      }
      if (before != kHeld) CompareExchange(value, loaded, 0);
    } else if (index == 1) {
      Exchange(source, kNew);
      if (Has("the value is looked up after the lease was voided")) {
        Void();
        Remove();
      } else {
        bool isThere = LoadAcquire(value) != 0;
        Void();
        if (isThere) Remove();
      }
    } else if (LoadAcquireIf("a waiter looks up the value after the lease", lease) == kEnded) {
      if (LoadNumber(value) == 0) RL_ASSERT(LoadAcquire(source) == kNew);
    }
  }

  void after() { RL_ASSERT(Load(value) != kOld || Load(source) == kOld); }
};

#endif  // SHMTABLE_RELACY_SHARING_HPP_
