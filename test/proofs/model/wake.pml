/*
 * Watchers that sleep on a word, which every published change advances, and a mark that says that a watcher sleeps: set
 * by a watcher before it sleeps, cleared by a writer, which makes its system call only if it was set. Writers may die
 * at any step; recovery repeats the wake-up, and makes the call in any case. No process times out here, so a lost
 * wake-up is a deadlock.
 *
 * Variants that must fail:
 *   BUG_CLEAR_LATE  the mark is cleared after the word has advanced
 *   BUG_LOOK_ONCE   the mark is checked only before the word advances
 *   BUG_UNSURE      recovery makes the call only if the mark says so
 */
#ifndef WRITERS
#define WRITERS 3
#endif
#ifndef WATCHERS
#define WATCHERS 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif

byte word = 0, published = 0;
bool mark = false;
bool asleep[WATCHERS];
byte crashes;

#define DIE if :: crashes < CRASHES -> atomic { crashes++; goto again } :: true fi

proctype Writer() {
  bool call = false, died = false;
  byte i;
  published++;
  goto begin;
again:
#ifdef BUG_UNSURE
  call = false;
#else
  call = true;
#endif
begin:
#ifdef BUG_CLEAR_LATE
  word++; DIE;
  if :: mark -> call = true :: else fi;
  if :: call -> mark = false :: else fi;
#else
  if :: mark -> mark = false; call = true :: else fi;
  DIE;
  word++; DIE;
#ifndef BUG_LOOK_ONCE
  if :: mark -> call = true :: else fi;
#endif
#endif
  DIE;
  if
  :: call -> atomic { i = 0; do :: i < WATCHERS -> asleep[i] = false; i++ :: else -> break od }
  :: else
  fi
}

proctype Watcher(byte me) {
  byte seen;
  do
  :: seen = word;
     if
     :: published == WRITERS -> break
     :: else
     fi;
     mark = true;
     if
     :: atomic { word == seen -> asleep[me] = true };
        !asleep[me]
     :: else
     fi
  od
}

init {
  byte n = 0;
  atomic {
    do :: n < WRITERS -> run Writer(); n++ :: else -> break od;
    n = 0;
    do :: n < WATCHERS -> run Watcher(n); n++ :: else -> break od
  }
}
