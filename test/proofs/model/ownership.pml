/*
 * Who owns what, whoever dies and whenever: slots, bucket locks, row slices, the redo journal, recovery.
 *
 * Two buckets of one entry, two slots with a spare each, NP processes that attach to a slot, do one operation (set or
 * delete) and detach, CRASHES deaths at any step; recovery can die too. A process takes a dead one's slot by its byte
 * lock only, and settles it before it uses it. At the end every slice is free, linked or a spare, exactly one of them.
 *
 * Variants that must fail:
 *   CLEAR_FIRST  the journal is cleared before the lock is released
 *   TAKEOVER     a dead holder's lock is swapped to the recoverer's id instead of being released under its own
 *   NO_OWNER     slices have no owner word: recovery frees what the journal names
 *   EARLY        the journal is called complete before it says what is replaced and what was taken
 */
#ifndef NP
#define NP 3
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#define SLOTS 2
#define BUCKETS 2
#define ROWS 5            /* rows 1 .. 4; 0 is none */
#define LINKED 9
#define NOBODY 7

#define NONE 0
#define SET 1
#define DELETE 2

byte held[SLOTS];         /* byte lock of a slot: the process that has it + 1 */
byte lock[BUCKETS];       /* id (slot + 1) of the holder */
byte entry[BUCKETS];
byte owner[ROWS];         /* 0 free, an id, LINKED */
byte spare[SLOTS];
byte op[SLOTS], bucket[SLOTS], row[SLOTS], old[SLOTS], taken[SLOTS];
bool prepared[SLOTS];

byte inside[BUCKETS];     /* ghost: living processes between lock and release */
byte crashes, ended;

/* Dies here or goes on. The kernel drops what it held; nobody else notices. */
#define MAY_DIE \
  if \
  :: crashes < CRASHES -> atomic { \
       crashes++; \
       if :: in != NOBODY -> inside[in]-- :: else fi; \
       if :: mine != NOBODY -> held[mine] = 0 :: else fi; \
       if :: other != NOBODY -> held[other] = 0 :: else fi; \
       goto gone } \
  :: true \
  fi

/* Carries a complete journal out: final values, so that it may be done again. */
inline carry_out(s) {
  if
  :: op[s] == SET ->
     owner[row[s]] = LINKED; MAY_DIE;
     entry[bucket[s]] = row[s]; MAY_DIE;
     if
     :: old[s] != 0 -> owner[old[s]] = s + 1; MAY_DIE; spare[s] = old[s]
     :: else -> spare[s] = taken[s]
     fi; MAY_DIE
  :: op[s] == DELETE ->
     entry[bucket[s]] = 0; MAY_DIE;
     owner[row[s]] = s + 1; MAY_DIE
  :: else -> assert(false)
  fi
}

/* Frees what the operation took or unlinked and nobody uses. */
inline free_leftovers(s) {
#ifdef NO_OWNER
  if :: taken[s] != 0 && taken[s] != spare[s] -> owner[taken[s]] = 0 :: else fi; MAY_DIE;
  if :: op[s] == DELETE && prepared[s] -> owner[row[s]] = 0 :: else fi; MAY_DIE
#else
  atomic { if :: taken[s] != 0 && taken[s] != spare[s] && owner[taken[s]] == s + 1 -> owner[taken[s]] = 0 :: else fi }; MAY_DIE;
  atomic { if :: row[s] != 0 && row[s] != spare[s] && owner[row[s]] == s + 1 -> owner[row[s]] = 0 :: else fi }; MAY_DIE
#endif
}

/* Requires the slot's byte lock. */
inline settle(s) {
  if
  :: op[s] != NONE ->
     if
     :: lock[bucket[s]] == s + 1 ->
        if
        :: prepared[s] -> carry_out(s)
        :: else
        fi;
        lock[bucket[s]] = 0; MAY_DIE
     :: else
     fi;
     free_leftovers(s);
     op[s] = NONE; MAY_DIE
  :: else
  fi
}

inline release_and_end(s, b) {
#ifdef CLEAR_FIRST
  op[s] = NONE; MAY_DIE;
#endif
  atomic { lock[b] = 0; inside[b]--; in = NOBODY }; MAY_DIE;
  free_leftovers(s);
  op[s] = NONE; MAY_DIE
}

proctype Process(byte me) {
  byte mine = NOBODY, other = NOBODY, in = NOBODY, b, l, t;
  bool got;

  /* attach: whichever slot is to be had */
  if
  :: atomic { held[0] == 0 -> held[0] = me + 1; mine = 0 }
  :: atomic { held[1] == 0 -> held[1] = me + 1; mine = 1 }
  fi;
  settle(mine);

  /* intent */
  if :: b = 0 :: b = 1 fi;
  prepared[mine] = false; taken[mine] = 0; old[mine] = 0; row[mine] = 0;
  bucket[mine] = b; MAY_DIE;
  if :: op[mine] = SET :: op[mine] = DELETE fi; MAY_DIE;

  /* lock */
  got = false;
  do
  :: got -> break
  :: else ->
     atomic {
       l = lock[b];
       if :: l == 0 -> lock[b] = mine + 1; got = true; in = b; inside[b]++; assert(inside[b] == 1) :: else fi };
     if
     :: got
     :: else ->
        if
        :: atomic { held[l - 1] == 0 ->
#ifdef TAKEOVER
             if :: lock[b] == l -> lock[b] = mine + 1; got = true; in = b; inside[b]++; assert(inside[b] == 1) :: else fi }
#else
             held[l - 1] = me + 1; other = l - 1 };
           settle(other);
           atomic { held[other] = 0; other = NOBODY }
#endif
        :: lock[b] != l
        fi
     fi
  od; MAY_DIE;

  /* prepare, carry out */
#ifdef EARLY
  if :: op[mine] == SET -> row[mine] = spare[mine]; prepared[mine] = true :: else fi; MAY_DIE;
#endif
  if
  :: op[mine] == SET ->
     if
     :: entry[b] != 0 -> old[mine] = entry[b]; MAY_DIE
     :: else ->
        t = 1; got = false;
        do
        :: t < ROWS && !got ->
           taken[mine] = t; MAY_DIE;
           atomic { if :: owner[t] == 0 -> owner[t] = mine + 1; got = true :: else -> t++ fi }; MAY_DIE
        :: else -> break
        od;
        if :: !got -> taken[mine] = 0; release_and_end(mine, b); goto done :: else fi
     fi;
     row[mine] = spare[mine]
  :: else ->
     if :: entry[b] == 0 -> release_and_end(mine, b); goto done :: else fi;
     row[mine] = entry[b]
  fi; MAY_DIE;
  prepared[mine] = true; MAY_DIE;
  carry_out(mine);
  release_and_end(mine, b);

done:
  atomic { held[mine] = 0; mine = NOBODY };
gone:
  atomic { ended++ }
}

init {
  byte mine = NOBODY, other = NOBODY, in = NOBODY, i = 0, count;
  atomic {
    entry[0] = 1; owner[1] = LINKED;
    spare[0] = 3; owner[3] = 1;
    spare[1] = 4; owner[4] = 2;
    do :: i < NP -> run Process(i); i++ :: else -> break od
  }
  (ended == NP);
  crashes = CRASHES;
  i = 0;
  do :: i < SLOTS -> settle(i); i++ :: else -> break od;
  assert(lock[0] == 0 && lock[1] == 0);
  i = 1;
  do
  :: i < ROWS ->
     count = 0;
     if :: owner[i] == 0 -> count++ :: else fi;
     if :: entry[0] == i -> count++; assert(owner[i] == LINKED) :: else fi;
     if :: entry[1] == i -> count++; assert(owner[i] == LINKED) :: else fi;
     if :: spare[0] == i -> count++; assert(owner[i] == 1) :: else fi;
     if :: spare[1] == i -> count++; assert(owner[i] == 2) :: else fi;
     assert(count == 1);
     i++
  :: else -> break
  od;
  goto gone;
gone:
  skip
}
