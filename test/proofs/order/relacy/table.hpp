// Scenarios of the table: rows, chains, changes in place, expiry, recovery.
#ifndef SHMTABLE_RELACY_TABLE_HPP_
#define SHMTABLE_RELACY_TABLE_HPP_

#include "javascript.hpp"

// A row is replaced twice, so the second write is into the slice that the reader may be reading. `Reader` in one pass.
struct Lookup : rl::test_suite<Lookup, 2> {
  static constexpr const char* kOrders[] = {
      "the entry is a release store",
      "the version is a release store",
      "the lock is released by an atomic change, after a release",
      "the first load of the version is an acquire",
      "the second load of the version comes after the row",
  };
  Word lock, version, entry, key[2], text[2];

  void before() {
    for (Word* word : {&lock, &version, &entry, &key[1], &text[1]}) Store(*word, 0);
    Store(key[0], 1);
    Store(text[0], 1);
  }

  void thread(unsigned index) {
    if (index == 0) {
      int spare = 1;
      for (int content = 2; content <= 3; content++) {
        Store(key[spare], content);
        Store(text[spare], content);
        if (!TryLock(lock, 5)) RL_ASSERT(false);
        StoreReleaseIf("the entry is a release store", entry, spare);
        StoreReleaseIf("the version is a release store", version, content - 1);
        Unlock(lock);
        spare = 1 - spare;
      }
      return;
    }
    int before = LoadAcquireIf("the first load of the version is an acquire", version);
    int row = LoadNumber(entry);
    int k = Load(key[row]);
    int t = Load(text[row]);
    if (LoadAfterIf("the second load of the version comes after the row", version) != before) return;
    RL_ASSERT(k == t);
    // The state of that version, or the next one.
    RL_ASSERT(k == before + 1 || k == before + 2);
  }
};

// The same slice is taken by another participant, through the pool.
struct Pool : rl::test_suite<Pool, 3> {
  static constexpr const char* kOrders[] = {
      "a slice is freed by an atomic change",
      "the second load of the version comes after the row",
  };
  Word version, entry, owner, row;

  void before() {
    Store(version, 0);
    Store(entry, 1);
    Store(owner, 5);
    Store(row, 1);
  }

  void thread(unsigned index) {
    if (index == 0) {
      StoreRelease(entry, 2);
      StoreRelease(version, 1);
      if (Has("a slice is freed by an atomic change")) {
        CompareExchange(owner, 5, 0);
      } else {
        Store(owner, 0);
      }
    } else if (index == 1) {
      // Its compare-and-swap is a release and an acquire: the slice is written after both.
      if (CompareExchange(owner, 0, 6) != 0) return;
      Separate();
      Store(row, 2);
    } else {
      int before = LoadAcquire(version);
      if (LoadNumber(entry) != 1) return;
      int content = Load(row);
      if (LoadAfterIf("the second load of the version comes after the row", version) == before) RL_ASSERT(content == 1);
    }
  }
};

// A removal moves the last row of a chain, the reader looks for that row: in one pass, or from the tail to the head.
struct Removal : rl::test_suite<Removal, 3> {
  static constexpr const char* kOrders[] = {
      "the version between is a release store",
      "the old place is emptied by a release store",
      "the second load of the version comes after the entries",
      "row by row, entries are loaded by acquires",
      "a tag is stored after its entry",
  };
  static constexpr int kVictim = 1;
  static constexpr int kMoved = 2;
  Word version, place, tag, source;

  void before() {
    Store(version, 0);
    Store(place, kVictim);
    Store(tag, kVictim);
    Store(source, kMoved);
  }

  void thread(unsigned index) {
    if (index == 0) {
      StoreRelease(place, kMoved);
      StoreReleaseIf("a tag is stored after its entry", tag, kMoved);
      StoreReleaseIf("the version between is a release store", version, 1);
      StoreReleaseIf("the old place is emptied by a release store", source, 0);
      StoreRelease(version, 2);
    } else if (index == 1) {
      if (rl::rand(2) == 0) {
        int before = LoadAcquire(version);
        bool found = Load(tag) == kMoved && Load(place) == kMoved;
        found = found || Load(source) == kMoved;
        if (LoadAfterIf("the second load of the version comes after the entries", version) == before) RL_ASSERT(found);
      } else {
        bool found = LoadAcquireIf("row by row, entries are loaded by acquires", source) == kMoved;
        RL_ASSERT(found || (Load(tag) == kMoved && LoadAcquire(place) == kMoved));
      }
    } else {
      bool isMissed = Load(tag) != kVictim;
      Fence();
      if (isMissed) RL_ASSERT(Load(place) != kVictim);
    }
  }
};

// A row is unlinked, written again and linked in the same entry, while it is copied without the version.
struct RowByRow : rl::test_suite<RowByRow, 2> {
  static constexpr const char* kOrders[] = {
      "the lock is released by an atomic change, after a release",
      "a row is finished by a release store",
      "the sequence is loaded by an acquire",
      "the entry is checked after the copy",
      "the sequence is checked",
  };
  Word lock, entry, sequence, key, text;

  void before() {
    for (Word* word : {&lock, &sequence}) Store(*word, 0);
    for (Word* word : {&entry, &key, &text}) Store(*word, 1);
  }

  void Write(int content) {
    StoreRelease(sequence, 2 * content - 3);
    Store(key, content);
    Store(text, content);
    StoreReleaseIf("a row is finished by a release store", sequence, 2 * content - 2);
  }

  void thread(unsigned index) {
    if (index == 0) {
      StoreRelease(entry, 0);
      Unlock(lock);
      // One content that is never committed, and one that is.
      Write(2);
      Write(3);
      StoreRelease(entry, 1);
      return;
    }
    if (LoadAcquire(entry) != 1) return;
    int before = LoadAcquireIf("the sequence is loaded by an acquire", sequence);
    int k = Load(key);
    int t = Load(text);
    if (LoadAfterIf("the entry is checked after the copy", entry) != 1 || (before & 1) != 0) return;
    if (Has("the sequence is checked") && LoadAcquire(sequence) != before) return;
    RL_ASSERT(k == t && k != 2 && k == 1 + before / 2);
  }
};

// Two participants change one number each in place, one after the other; the reader relies on the revision.
struct ChangeInPlace : rl::test_suite<ChangeInPlace, 3> {
  static constexpr const char* kOrders[] = {
      "the revision is a release store",
      "the revision is loaded by an acquire",
      "the revision is checked after the numbers",
  };
  Word lock, revision, first, second;

  void before() {
    for (Word* word : {&lock, &revision, &first, &second}) Store(*word, 0);
  }

  void thread(unsigned index) {
    if (index < 2) {
      if (!TryLock(lock, 1 + index)) return;
      // The journal's final values: the first change is that of `first`, the second that of `second`.
      int after = Load(revision) + 1;
      Store(after == 1 ? first : second, 1);
      StoreReleaseIf("the revision is a release store", revision, after);
      Unlock(lock);
      return;
    }
    int before = LoadAcquireIf("the revision is loaded by an acquire", revision);
    int z = Load(second);
    int a = Load(first);
    if (LoadAfterIf("the revision is checked after the numbers", revision) != before) return;
    RL_ASSERT(before == 0 ? z == 0 : a == 1);
    RL_ASSERT(before < 2 || z == 1);
  }
};

// A writer announces a row's expiry and links the row, while a pass over its group collects the moments again.
struct Expiry : rl::test_suite<Expiry, 2> {
  static constexpr const char* kOrders[] = {
      "a fence between the lock and the announcement",
      "PASS is cleared before the lock is loaded",
  };
  static constexpr int kNever = 0;
  static constexpr int kSoon = 1;
  Word lock, pass, entry;
  rl::var<int> found;

  void before() {
    Store(lock, 0);
    Store(pass, kSoon);
    Store(entry, 0);
    found($) = 0;
  }

  void Lower() {
    if (Load(pass) == kNever) CompareExchange(pass, kNever, kSoon);
  }

  void thread(unsigned index) {
    if (index == 0) {
      RL_ASSERT(TryLock(lock, 5));
      FenceIf("a fence between the lock and the announcement");
      Lower();
      StoreRelease(entry, 1);
      Exchange(lock, 0);
      return;
    }
    StoreRelease(pass, kNever);
    if (Has("PASS is cleared before the lock is loaded")) Separate();
    if (LoadAcquire(lock) != 0 || LoadNumber(entry) != 0) found($) = 1;
  }

  void after() { RL_ASSERT(found($) == 1 || Load(pass) == kSoon); }
};

// A writer dies at any store of its operation. Whoever then gets its byte lock completes or undoes the operation; another
// writer follows. `byte` is the kernel's lock, which is released at the death.
struct Recovery : rl::test_suite<Recovery, 3> {
  static constexpr const char* kOrders[] = {
      "the kernel releases the byte lock after the stores of the dead",
      "the byte lock is acquired before the journal is read",
      "the lock is released after the stores of recovery",
  };
  static constexpr int kDead = 5;
  static constexpr int kLinked = -1;
  Word byte, lock, operation, stage, journalled, entry, version, owner[2], spare;

  void before() {
    for (Word* word : {&lock, &operation, &stage, &journalled, &entry, &version}) Store(*word, 0);
    Store(byte, 1);
    Store(owner[0], kLinked);
    Store(owner[1], kDead);
    Store(spare, 1);
  }

  // Stores final values only.
  void CarryOut() {
    int row = Load(journalled);
    Store(owner[row], kLinked);
    StoreRelease(entry, row);
    StoreRelease(version, 1);
    Store(owner[1 - row], kDead);
    Store(spare, 1 - row);
  }

  void Operate(int death) {
    if (death == 0) return;
    Store(operation, 1);
    if (death == 1) return;
    if (!TryLock(lock, kDead)) return;
    Store(journalled, 1);
    if (death == 2) return;
    Store(stage, 1);
    if (death == 3) return;
    Store(owner[1], kLinked);
    StoreRelease(entry, 1);
    if (death == 4) return;
    CarryOut();
    if (death == 5) return;
    Exchange(lock, 0);
    if (death == 6) return;
    Store(operation, 0);
  }

  void thread(unsigned index) {
    if (index == 0) {
      Operate(static_cast<int>(rl::rand(8)));
      StoreReleaseIf("the kernel releases the byte lock after the stores of the dead", byte, 0);
    } else if (index == 1) {
      if (LoadAcquireIf("the byte lock is acquired before the journal is read", byte) == 0) Settle();
    } else if (LoadAcquire(lock) != kDead && TryLock(lock, 6)) {
      RL_ASSERT(Load(version) == Load(entry));
      Exchange(lock, 0);
    }
  }

  void Settle() {
    if (Load(operation) != 0 && LoadAcquire(lock) == kDead) {
      if (Load(stage) == 1) CarryOut();
      if (Has("the lock is released after the stores of recovery")) {
        Exchange(lock, 0);
      } else {
        lock($).exchange(0, rl::mo_relaxed);
      }
    }
    Store(operation, 0);
    // The lock is free for this participant, and one slice is linked and the other one the spare.
    RL_ASSERT(LoadAcquire(lock) != kDead);
    int row = LoadNumber(entry);
    RL_ASSERT(Load(version) == row && Load(spare) == 1 - row);
    RL_ASSERT(Load(owner[row]) == kLinked && Load(owner[1 - row]) == kDead);
  }
};

#endif  // SHMTABLE_RELACY_TABLE_HPP_
