/*
 * The two moments of a group of buckets, before which none of its rows has expired: DUE, and PASS, which the current
 * pass collects. Writers announce expiries; passes of any process, one at a time, raise DUE; readers that search for
 * expired rows read both. Every process may stop forever at any step: what holds in every state holds for the remaining
 * ones.
 *
 * Asserted in every state: the lower of the two is no later than the expiry of any linked row. For two values that a
 * reader loads one after the other, the same is asserted of every row that was linked throughout. 0 means never; 1 is
 * the present, sooner than all expiries.
 *
 * -DBUG_...: one of the rules is left out.
 */
#define PRESENT 1
#ifndef PASSES
#define PASSES 2
#endif
/* Each writes to a separate bucket, the first one twice. */
#ifndef WRITERS
#define WRITERS 1
#endif


/* DUE begins too early, as it may. */
byte due = PRESENT, pass = 0;
bool lease = false;
bool lock[2];
byte version[2];
/* the expiry of the row of a bucket, 0 none */
byte row[2];

#define COVERS(moment, expiry) (moment != 0 && moment <= expiry)
#define SOUND(b) (row[b] == 0 || COVERS(pass, row[b]) || COVERS(due, row[b]))

inline lower(word, moment) {
	do
	:: atomic {
			before = word;
			if
			:: COVERS(before, moment) -> break
			:: else
			fi
		}
		if
		:: atomic { word == before -> word = moment; break }
		:: word != before
		fi
	od
}

inline announce(moment) {
#ifndef BUG_DUE_ALONE
	lower(pass, moment);
#endif
	lower(due, moment)
}

proctype Writer(byte b, first, second) {
	byte before, expiry = first;
	do
	:: atomic { !lock[b] -> lock[b] = true };
#ifdef BUG_LINK_FIRST
		row[b] = expiry; version[b]++;
		announce(expiry);
#else
#ifdef BUG_UNLOCKED
		lock[b] = false;
		announce(expiry);
		atomic { !lock[b] -> lock[b] = true };
#else
		announce(expiry);
#endif
		row[b] = expiry; version[b]++;
#endif
		lock[b] = false;
		if
		:: expiry == first -> expiry = second
		:: else -> break
		fi
	od
}

proctype Sweeper() {
	byte before, after, left, b, seen, found;
	bool held;
#ifndef BUG_NO_LEASE
	atomic { !lease -> lease = true };
#endif
#ifdef BUG_CLEAR_FIRST
	left = pass; pass = 0;
	if :: left != 0 -> lower(due, left) :: else fi;
#else
	left = pass;
	if :: left != 0 -> lower(due, left) :: else fi;
	pass = 0;
#endif
	b = 0;
	do
	:: b < WRITERS ->
		seen = version[b];
		held = lock[b];
		found = row[b];
#ifndef BUG_LOCKED_IGNORED
		if
		:: held || version[b] != seen -> found = PRESENT
		:: else
		fi;
#endif
		if :: found != 0 -> lower(pass, found) :: else fi;
		atomic { b++; seen = 0; held = false; found = 0 }
	:: else -> break
	od;
	do
	:: before = due; after = pass;
		if
		:: atomic { due == before -> due = after }; break
		:: else
		fi
	od;
	lease = false
}

proctype Reader() {
	byte first, second, expiry;
	expiry = row[0];
#ifdef BUG_DUE_FIRST
	first = due; second = pass;
#else
	first = pass; second = due;
#endif
	assert(expiry == 0 || row[0] != expiry || COVERS(first, expiry) || COVERS(second, expiry))
}

active proctype Observer() { assert(SOUND(0) && SOUND(1)) }

init {
	byte i;
	atomic {
		run Writer(0, 3, 2);
#if WRITERS == 2
		run Writer(1, 4, 4);
#endif
		for (i : 1 .. PASSES) { run Sweeper() }
		run Reader()
	}
}
