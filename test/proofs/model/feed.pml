/*
 * The change feed's cells: claimed once for each sequence, published once for each committed operation, by producers
 * that may die at any step and whose recovery repeats what they did.
 *
 * Two cells, PRODUCERS producers (each holding its own bucket's lock all along, so that recovery is exclusive), CRASHES
 * deaths. At the end each producer's change was published exactly once, and the head is behind the last claim.
 *
 * Variants that must fail:
 *   NOTE_LATE   the note that a cell was claimed is made after the change was published
 *   HEAD_FIRST  the head is advanced before the cell is claimed
 */
#ifndef CRASHES
#define CRASHES 2
#endif
#define PRODUCERS 3
#define CELLS 2
#define SEQUENCES 16

byte head = 2;
byte lap[CELLS], claimant[CELLS];   /* of a cell's claim: sequence / CELLS, producer + 1 */
bool public[CELLS];
byte tried[PRODUCERS];
bool noted[PRODUCERS];
byte times[PRODUCERS];              /* ghost: how often the change was published */
bool taken[SEQUENCES];              /* ghost: claimed by somebody */
byte crashes, ended;

#define DIE if :: crashes < CRASHES -> atomic { crashes++; goto again } :: true fi

proctype Producer(byte me) {
  byte h, c, l, o; bool p;
again:
  /* also where recovery begins: it knows what the journal says and nothing else */
  h = 0; c = 0; l = 0; o = 0; p = false;
  if
  :: tried[me] != 0 && lap[tried[me] % CELLS] == tried[me] / CELLS && claimant[tried[me] % CELLS] == me + 1 && !public[tried[me] % CELLS] ->
     noted[me] = true; DIE
  :: else
  fi;
  if
  :: noted[me] -> atomic { if :: head == tried[me] -> head++ :: else fi }; DIE
  :: else ->
     do
     :: h = head; c = h % CELLS;
        atomic { l = lap[c]; o = claimant[c]; p = public[c] }
        if
        :: l == h / CELLS -> atomic { if :: head == h -> head = h + 1 :: else fi }
        :: else ->
           tried[me] = h; DIE;
#ifdef HEAD_FIRST
           atomic { if :: head == h -> head = h + 1 :: else fi }; DIE;
#endif
           atomic {
             if
             :: lap[c] == l && claimant[c] == o && public[c] == p ->
                lap[c] = h / CELLS; claimant[c] = me + 1; public[c] = false; assert(!taken[h]); taken[h] = true
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
  /* publish, unless that was done before or the ring has gone over the cell */
  c = tried[me] % CELLS;
  atomic {
    if
    :: lap[c] == tried[me] / CELLS && claimant[c] == me + 1 && !public[c] -> public[c] = true; times[me]++
    :: else
    fi };
  DIE;
#ifdef NOTE_LATE
  noted[me] = true;
#endif
  atomic { ended++ }
}

init {
  byte i;
  atomic { run Producer(0); run Producer(1); run Producer(2) }
  (ended == PRODUCERS);
  do
  :: i < PRODUCERS ->
     /* a cell that the ring went over before its owner published is lost, as the layout says; never twice */
     assert(times[i] <= 1);
     assert(times[i] == 1 || head > tried[i] + CELLS);
     assert(head > tried[i]);
     i++
  :: else -> break
  od
}
