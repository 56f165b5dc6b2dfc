/*
 * A row that is there throughout is found, while removals move it towards the head of its chain.
 *
 * A chain of three places holds rows 1, 2, 3; the writer removes row 1 and then row 2 (whichever place it has by then),
 * each time moving the chain's last row into the gap: the new place is written before the old one is cleared. A quick
 * reader passes once over the chain and believes what it saw if the version has not changed; a patient one goes from
 * the tail to the head and needs no version. Both look for row 3.
 *
 * Variants that must fail:
 *   ONE_ADVANCE   the version is advanced only once, after the old place was cleared
 *   CLEAR_FIRST   the old place is cleared before the new one is written
 *   FROM_HEAD     the patient reader goes from the head to the tail
 */
#define PLACES 3
byte place[PLACES];
byte version;

inline remove(gone_row) {
  /* last place in use, and the place of the row */
  last = PLACES - 1;
  do :: last > 0 && place[last] == 0 -> last-- :: else -> break od;
  gap = 0;
  do :: place[gap] != gone_row -> gap++ :: else -> break od;
  if
  :: gap == last -> place[gap] = 0; version++
  :: else ->
#ifdef CLEAR_FIRST
     moved = place[last]; place[last] = 0; version++; place[gap] = moved; version++
#else
     place[gap] = place[last];
#ifndef ONE_ADVANCE
     version++;
#endif
     place[last] = 0;
     version++
#endif
  fi
}

proctype Writer() {
  byte last, gap, moved;
  remove(1);
  remove(2)
}

proctype Quick() {
  byte seen, found, tries;
  do
  :: tries < 3 ->
     tries++; seen = version; found = 0;
     if :: place[0] == 3 -> found = 1 :: else fi;
     if :: place[1] == 3 -> found = 1 :: else fi;
     if :: place[2] == 3 -> found = 1 :: else fi;
     if :: seen == version -> assert(found); break :: else fi
  :: else -> break
  od
}

proctype Patient() {
  byte found;
#ifdef FROM_HEAD
  if :: place[0] == 3 -> found = 1 :: else fi;
  if :: place[1] == 3 -> found = 1 :: else fi;
  if :: place[2] == 3 -> found = 1 :: else fi;
#else
  if :: place[2] == 3 -> found = 1 :: else fi;
  if :: place[1] == 3 -> found = 1 :: else fi;
  if :: place[0] == 3 -> found = 1 :: else fi;
#endif
  assert(found)
}

init { atomic { place[0] = 1; place[1] = 2; place[2] = 3; run Writer(); run Quick(); run Patient() } }
