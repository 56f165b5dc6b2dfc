/*
 * Nobody sleeps for ever for a lock that is free, time-outs left out: the mark in the lock word and the futex.
 *
 * A sleeper sets the mark and sleeps if the word still has it; the release swaps the word to zero and wakes one if it
 * was marked. Whoever has slept takes the lock with the mark, for others may sleep still.
 *
 * Variant that must fail (by an invalid end state: everybody asleep):
 *   NO_MARK   whoever has slept takes the lock without the mark
 */
#define N 3
#define MARK 8
byte lock, ended;
bool asleep[N];

proctype Process(byte me) {
  byte seen, i;
  bool slept;
  do
  :: atomic { lock == 0 ->
#ifdef NO_MARK
       lock = me + 1
#else
       lock = (slept -> me + 1 + MARK : me + 1)
#endif
     }; break
  :: atomic { lock != 0 -> seen = lock };
     if
     :: seen < MARK -> atomic { if :: lock == seen -> lock = seen + MARK; seen = seen + MARK :: else -> seen = 0 fi }
     :: else
     fi;
     if
     :: seen != 0 -> atomic { if :: lock == seen -> asleep[me] = true :: else fi }; (!asleep[me]); slept = true
     :: else
     fi
  od;
  atomic { seen = lock; lock = 0 };
  if
  :: seen >= MARK -> atomic { i = 0; do :: i < N && !asleep[i] -> i++ :: else -> break od; if :: i < N -> asleep[i] = false :: else fi }
  :: else
  fi;
  ended++
}

init { atomic { run Process(0); run Process(1); run Process(2) } (ended == N) }
