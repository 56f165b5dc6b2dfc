/*
 * A removal that closes its gap with the chain's last row, seen by a reader that looks for this last row, which exists
 * throughout. Then the emptied overflow bucket is unlinked and used by another chain.
 *
 * In the chain of home bucket 0, the home bucket (`home`) holds row X and its overflow bucket (`place`) holds row Z. X
 * is removed: Z moves. The other chain, that of home bucket 1, takes the overflow bucket when it is free and puts row W
 * there. The process that executes the removal may die before each store; the next one then repeats all of it, from the
 * journal.
 *
 * -DBY_ROW: the reader goes from the tail to the head, row by row, and needs no version for a miss. Otherwise it makes
 * one pass, compares the version before and after, and must see Z exactly once.
 */
#ifndef DEATHS
#define DEATHS 2
#endif
#define X 1
#define Z 2
#define W 3

byte home = X, place = Z, version = 0;
bool linked = true;
byte other = 0;		/* the other chain's row in the overflow bucket is `place` while this is 1 */
byte owner = 9;		/* of the overflow bucket: 9 linked, 1 the remover's, 0 free */
byte deaths = 0, ended = 0;
bool otherEnded = false;

#define DIE if :: deaths < DEATHS -> atomic { deaths++; goto again } :: skip fi

proctype Remover() {
	/* the first round is the operation, further ones are its recovery */
again:
#ifdef BUG_EMPTY_FIRST
	DIE; place = 0;
#endif
	DIE; home = Z;
#ifndef BUG_ONE_ADVANCE
	DIE; version = 1;
#endif
	DIE; place = 0;
	DIE; linked = false;
	DIE; version = 2;
	DIE; owner = 1;
#ifdef BUG_FREE_BEFORE_UNLOCK
	owner = 0;
	DIE;
#endif
	/* the lock is released: from here on the journal is not carried out again, only what is left over is freed */
	if :: owner == 1 -> owner = 0 :: else fi;
	ended++
}

proctype Other() {
	if
	:: atomic { owner == 0 -> owner = 2 }
		place = 0;		/* zeroed before it is linked again */
		owner = 9;
		other = 1;
		place = W
	:: ended == 1 && owner != 0
	fi;
	otherEnded = true
}

proctype Reader() {
	byte before, found, row;
	bool hasTail;
	do
	:: found = 0;
#ifdef BY_ROW
		hasTail = linked;
		if
		:: hasTail ->
			row = place;
			if :: row == Z -> found++ :: else fi
		:: else
		fi;
		row = home;
		if :: row == Z -> found++ :: else fi;
		assert(found >= 1);
		break
#else
		before = version;
		row = home;
		if :: row == Z -> found++ :: else fi;
		if
		:: linked ->
			row = place;
			/* a row that is there twice is left out the second time */
			if :: row == Z && found == 0 -> found++ :: else fi
		:: else
		fi;
		if :: version == before -> assert(found == 1); break :: else fi
#endif
	od
}

init {
	atomic { run Remover(); run Other(); run Reader() }
	(ended == 1 && otherEnded);
	assert(home == Z && !linked && version == 2);
	assert(other == 0 || place == W)
}
