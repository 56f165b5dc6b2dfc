/*
 * Reading one row by its entry, beside a writer that changes two of its numbers in place, may replace the row, and may
 * die at any store. The next process repeats the journal's stores, may die too, and continues.
 *
 * The changes are first +1, first -1, last +1, last -1, and so on: the two numbers are never both 1, and each returns
 * to its old value. `low` and `high` are the halves of the first number, which is stored at once and may be loaded in
 * halves.
 *
 * What a reader accepts under revision r is the row of change r, or of change r + 1 if that had begun: never the later
 * of two changes without the earlier, never half a number, and never an older state than when the reader began.
 *
 * -DBY_VERSION: the reader uses the bucket's version instead, and loads each number at once.
 * -DREPLACE: the row may be replaced as well, and its slice filled again.
 * -DBUG_NO_REVISION: the reader relies on entry and sequence alone.
 * -DBUG_ONE_LOOK: it does not compare the numbers again.
 * -DBUG_NO_SEQUENCE: it relies on entry and revision alone.
 * -DBUG_REVISION_FIRST: the writer stores the revision, then the number. -DBUG_LOCK_LOST: a dead writer's lock is free
 * before its change is settled.
 */
#ifndef CHANGES
#define CHANGES 4
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#define UNFINISHED 9

/* two slices; `entry` says which one is linked */
byte entry = 0;
byte sequence[2], revision[2], low[2], high[2], last[2], text[2];
/* the bucket's version: advanced last by each change, and by each new row */
byte version = 0;

/* the journal, prepared under the lock; the lock is held while `open` */
bool open = false;
byte after, versionAfter;

/* ghosts */
byte begun = 0, done = 0, deaths = 0, replaced = 0;

#define FIRST(change) ((change) % 4 == 1 -> 1 : 0)
#define LAST(change) ((change) % 4 == 3 -> 1 : 0)
#define DIE if :: deaths < DEATHS -> deaths++; goto dead :: skip fi

/* An aligned number is one store. */
inline storeNumber() {
	d_step {
		if
		:: after % 4 == 1 || after % 4 == 2 -> low[entry] = FIRST(after); high[entry] = FIRST(after)
		:: else -> last[entry] = LAST(after)
		fi;
		begun = after
	}
}

inline carryOut() {
#ifdef BUG_REVISION_FIRST
	DIE; revision[entry] = after;
	DIE; storeNumber();
#else
	DIE; storeNumber();
	DIE; revision[entry] = after;
#endif
	DIE; d_step { version = versionAfter; done = after }
	DIE; open = false
}

proctype Writer() {
	byte spare;
again:	if
	:: open ->
#ifdef BUG_LOCK_LOST
		open = false; done = after
#else
		carryOut()
#endif
	:: else
	fi;
	do
	:: done < CHANGES ->
		d_step { after = done + 1; versionAfter = version + 1; open = true }
		carryOut()
#ifdef REPLACE
	:: replaced < 2 ->
		spare = 1 - entry;
		sequence[spare] = sequence[spare] | 1;
		text[spare] = UNFINISHED;
		low[spare] = low[entry]; high[spare] = high[entry];
		last[spare] = last[entry];
		revision[spare] = revision[entry];
		text[spare] = replaced + 1;
		sequence[spare] = sequence[spare] + 1;
		d_step { entry = spare; replaced++ }
		version++
#endif
	:: done == CHANGES -> goto out
	od;
dead:	goto again;
out:	skip
}

proctype Reader() {
	byte row, even, before, l, h, z, s, floor;
	bool good;
	floor = done;
	do
	:: good = true;
#ifdef BY_VERSION
		d_step { even = version; before = done }
		row = entry;
		d_step { l = low[row]; h = high[row] }
		z = last[row];
		s = text[row];
#ifndef BUG_NO_REVISION
		if :: version == even -> skip :: else -> good = false fi;
#endif
#else
		row = entry;
		even = sequence[row];
		before = revision[row];
		l = low[row];
		z = last[row];
		h = high[row];
#ifndef BUG_ONE_LOOK
		if :: low[row] == l -> skip :: else -> good = false fi;
		if :: last[row] == z -> skip :: else -> good = false fi;
		if :: high[row] == h -> skip :: else -> good = false fi;
#endif
#ifndef BUG_NO_REVISION
		if :: revision[row] == before -> skip :: else -> good = false fi;
#endif
		/* the rest of the row, in any order */
		s = text[row];
		if :: entry == row -> skip :: else -> good = false fi;
#ifndef BUG_NO_SEQUENCE
		if :: (even & 1) == 0 && sequence[row] == even -> skip :: else -> good = false fi;
#endif
#endif
		if
		:: good ->
			d_step {
				assert(l == h && s != UNFINISHED && before >= floor);
				assert((l == FIRST(before) && z == LAST(before)) ||
					(before + 1 <= begun && l == FIRST(before + 1) && z == LAST(before + 1)))
			}
			break
		:: else
		fi
	:: break
	od
}

init { atomic { run Writer(); run Reader() } }
