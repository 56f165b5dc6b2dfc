/*
 * The change feed's cells: claimed once for each sequence, published once for each committed operation, by producers
 * that may die at any step, whose recovery repeats their steps, and that may stop for any length of time, even between
 * loading the head and loading the cell, while others go round the ring.
 *
 * Two cells, PRODUCERS producers with ROUNDS operations each (each holds its own bucket's lock all the time, so that
 * recovery is exclusive), CRASHES deaths. Each change is published exactly once or was overtaken by a lap, no sequence
 * is claimed twice, and the head is past the last claim. With CONTENT: a reader accepts only what the owner of the cell
 * wrote, even if an overtaken producer writes into it.
 *
 * Variants that must fail:
 *   NOTE_LATE     the claim of a cell is recorded after the change was published
 *   HEAD_FIRST    the head is advanced before the cell is claimed
 *   LAP_UNSIGNED  a cell of any other lap may be claimed, even of a later one
 *   SUM_OF_CELL   the checksum is computed from what is in the cell
 */
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef PRODUCERS
#define PRODUCERS 3
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#define CELLS 2
#define SEQUENCES 16
#ifdef LAP_UNSIGNED
#define MAY_CLAIM(l, h) (l != h / CELLS)
#else
#define MAY_CLAIM(l, h) (l == h / CELLS - 1)
#endif

byte head = 2;
byte lap[CELLS], claimant[CELLS];   /* of a cell's claim: sequence / CELLS, producer + 1 */
bool public[CELLS];
byte tried[PRODUCERS];
bool noted[PRODUCERS];
byte times[PRODUCERS];              /* ghost: how often the change was published */
bool taken[SEQUENCES];              /* ghost: claimed by somebody */
byte crashes;
#ifdef CONTENT
byte key[CELLS], kind[CELLS];                           /* who wrote them */
byte sum_sequence[CELLS], sum_key[CELLS], sum_kind[CELLS];
#endif

#define DIE if :: crashes < CRASHES -> atomic { crashes++; goto again } :: true fi
/* Whether the cell that the producer tried last still has its claim, unpublished. */
#define HOLDS (lap[tried[me] % CELLS] == tried[me] / CELLS && claimant[tried[me] % CELLS] == me + 1 && !public[tried[me] % CELLS])

#ifdef CONTENT
inline check() {
  if
  :: public[c] && sum_sequence[c] == lap[c] * CELLS + c && sum_key[c] == key[c] && sum_kind[c] == kind[c] ->
     assert(key[c] == claimant[c] && kind[c] == claimant[c])
  :: else
  fi
}
#else
inline check() { skip }
#endif

proctype Producer(byte me) {
  byte h, c, l, o, k, round; bool p;
next:
  atomic { tried[me] = 0; noted[me] = false; times[me] = 0 }
again:
  /* recovery begins here too: it knows only what the journal says */
  h = 0; c = 0; l = 0; o = 0; k = 0; p = false;
  if
  :: tried[me] != 0 && HOLDS -> noted[me] = true; DIE
  :: else
  fi;
  if
  :: noted[me] -> atomic { if :: head == tried[me] -> head++ :: else fi }; DIE
  :: else ->
     do
     :: h = head; c = h % CELLS;
        atomic { l = lap[c]; o = claimant[c]; p = public[c] }
        if
        :: !MAY_CLAIM(l, h) -> atomic { if :: head == h -> head = h + 1 :: else fi }
        :: else ->
           tried[me] = h; DIE;
#ifdef HEAD_FIRST
           atomic { if :: head == h -> head = h + 1 :: else fi }; DIE;
#endif
           atomic {
             if
             :: lap[c] == l && claimant[c] == o && public[c] == p ->
                lap[c] = h / CELLS; claimant[c] = me + 1; public[c] = false;
                assert(!taken[h]); taken[h] = true; assert(head <= h + 1)
             :: else -> h = 0
             fi };
           if
           :: h != 0 -> DIE;
#ifndef NOTE_LATE
              noted[me] = true; DIE;
#endif
              atomic { if :: head == h -> head = h + 1 :: else fi }; DIE;
              break
           :: else
           fi
        fi
     od
  fi;
  c = tried[me] % CELLS;
#ifdef CONTENT
  if
  :: HOLDS ->
     /* from here on it may be overtaken, and write into another's cell */
     atomic { key[c] = me + 1; check() }; DIE;
     atomic { kind[c] = me + 1; check() }; DIE;
#ifdef SUM_OF_CELL
     k = key[c];
     atomic { sum_sequence[c] = tried[me]; sum_key[c] = k; sum_kind[c] = kind[c]; check() }; DIE
#else
     atomic { sum_sequence[c] = tried[me]; sum_key[c] = me + 1; sum_kind[c] = me + 1; check() }; DIE
#endif
  :: else
  fi;
#endif
  /* publish, unless that was done before or the ring has overwritten the cell */
  atomic {
    if
    :: HOLDS -> public[c] = true; times[me]++; check()
    :: else
    fi };
  DIE;
#ifdef NOTE_LATE
  noted[me] = true;
#endif
  /* a cell that the ring overwrote before its owner published it is lost, as the layout says; none is published twice */
  atomic {
    assert(times[me] <= 1);
    assert(times[me] == 1 || head >= tried[me] + CELLS);
    assert(head > tried[me]);
    round++;
    if :: round < ROUNDS -> goto next :: else fi
  }
}

init {
  byte i;
  atomic { do :: i < PRODUCERS -> run Producer(i); i++ :: else -> break od }
}
