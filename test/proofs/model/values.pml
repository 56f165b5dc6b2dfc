/*
 * What a row's value may become: increments in place (redo), copy-on-write sets that keep an unnamed column, compare-
 * and-set by revision, one reader that checks what it saw, CRASHES deaths at any step with recovery by whoever meets
 * the dead one's lock.
 *
 * One bucket of one entry. A row has a counter, which the increment advances and the set copies, and a mark, which the
 * set and the compare-and-set write. At the end the counter is the number of increments that took effect, and the
 * number of compare-and-sets that succeeded is the number of those that found the revision they had read.
 *
 * Variants that must fail:
 *   COPY_EARLY      the set copies the unnamed column before it takes the lock
 *   REVISION_FIRST  an increment stores the revision before the value: a compare-and-set by it loses the increment
 *   UNDO            recovery forgets an increment that was prepared and half done
 *   LOAD_LAST       a reader loads the revision after the value
 */
#ifndef CRASHES
#define CRASHES 2
#endif
#define WRITERS 3
#define ROWS 5             /* a row for the entry, a spare for each writer */
#define NONE 0
#define INCREMENT 1
#define WRITE 2
#define OUTSIDE 0
#define INSIDE 1

byte lock, entry, version = 1;
byte count[ROWS], mark[ROWS], revision[ROWS];
byte spare[WRITERS];
bool alive[WRITERS], prepared[WRITERS];
byte op[WRITERS], row[WRITERS], old[WRITERS], value[WRITERS], after[WRITERS];
byte settler;              /* byte lock on the dead: 0 nobody, else writer + 1 */

byte crashes, ended;
byte increments;           /* ghost: that took effect */

#define MAY_DIE(me) \
  if :: crashes < CRASHES -> atomic { crashes++; alive[me] = false; if :: settler == me + 1 -> settler = 0 :: else fi; goto gone } :: true fi

inline carry_out(s, me) {
  if
  :: op[s] == INCREMENT ->
#ifdef REVISION_FIRST
     revision[row[s]] = after[s]; MAY_DIE(me);
     count[row[s]] = value[s]; MAY_DIE(me);
#else
     count[row[s]] = value[s]; MAY_DIE(me);
     revision[row[s]] = after[s]; MAY_DIE(me);
#endif
     version = after[s]; MAY_DIE(me)
  :: else ->
     entry = row[s]; MAY_DIE(me);
     version = after[s]; MAY_DIE(me);
     spare[s] = old[s]; MAY_DIE(me)
  fi
}

inline settle(s, me) {
  if
  :: lock == s + 1 ->
     if
#ifdef UNDO
     :: prepared[s] && op[s] != INCREMENT -> carry_out(s, me)
#else
     :: prepared[s] -> carry_out(s, me)
#endif
     :: else
     fi;
     lock = 0; MAY_DIE(me)
  :: else
  fi;
  op[s] = NONE
}

inline acquire(me) {
  do
  :: atomic { lock == 0 -> lock = me + 1 }; break
  :: atomic { lock != 0 && !alive[lock - 1] && settler == 0 -> dead = lock - 1; settler = me + 1 };
     settle(dead, me);
     atomic { settler = 0 }
  od
}

inline increment(me) {
  op[me] = INCREMENT; prepared[me] = false; acquire(me); MAY_DIE(me);
  row[me] = entry; value[me] = count[entry] + 1; after[me] = version + 1; MAY_DIE(me);
  atomic { prepared[me] = true; increments++ }; MAY_DIE(me);
  carry_out(me, me);
  lock = 0; MAY_DIE(me);
  op[me] = NONE
}

/* Writes the mark and keeps the counter; by revision when `seen` is not 0. */
inline write(me, seen) {
  row[me] = spare[me];
#ifdef COPY_EARLY
  count[spare[me]] = count[entry]; MAY_DIE(me);
#endif
  op[me] = WRITE; prepared[me] = false; acquire(me); MAY_DIE(me);
  if
  :: seen != 0 && revision[entry] != seen -> skip
  :: else ->
     old[me] = entry; after[me] = version + 1;
#ifndef COPY_EARLY
     count[row[me]] = (seen != 0 -> kept : count[entry]);
#endif
     mark[row[me]] = me + 1; revision[row[me]] = after[me]; MAY_DIE(me);
     prepared[me] = true; MAY_DIE(me);
     carry_out(me, me)
  fi;
  lock = 0; MAY_DIE(me);
  op[me] = NONE
}

proctype Incrementer() {
  byte dead, kept;
  increment(0); increment(0);
gone: ended++
}

proctype Setter() {
  byte dead, kept;
  write(1, 0); increment(1);
gone: ended++
}

/* Reads revision and counter, computes from what it read, writes back by revision: what `modify` does. */
proctype Modifier() {
  byte dead, kept, seen, at;
  do
  :: at = entry;
#ifdef LOAD_LAST
     kept = count[at]; seen = revision[at];
#else
     seen = revision[at]; kept = count[at];
#endif
     if :: entry == at -> break :: else fi      /* stands for the row's sequence: it was not recycled meanwhile */
  od;
  write(2, seen);
gone: ended++
}

init {
  byte i = 0, dead;
  atomic {
    entry = 1; revision[1] = 1;
    spare[0] = 2; spare[1] = 3; spare[2] = 4;
    alive[0] = true; alive[1] = true; alive[2] = true;
    run Incrementer(); run Setter(); run Modifier()
  }
  (ended == WRITERS);
  crashes = CRASHES;
  do :: i < WRITERS -> settle(i, 0); i++ :: else -> break od;
  assert(lock == 0);
  assert(count[entry] == increments);
  goto gone;
gone: skip
}
