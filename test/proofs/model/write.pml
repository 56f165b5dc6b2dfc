/*
 * Writers of one bucket that die while they write: copy-on-write set, in-place increment, compare-and-set by revision,
 * and delete; with journal, lock, commit, version, release, recovery, and slots that are reused after a death.
 *
 * WRITERS processes attach to two slots. There is one key: `entry` is the row linked for it, 0 for none. Rows 1 .. 3:
 * one that is linked or free, and a spare for each slot. Every process may die before each of its stores; there are
 * DEATHS deaths. READERS processes read.
 *
 * What is true at the end, and asserted along the way:
 * - a reader accepts only a row that was committed, whole (`text` and `copy` are always written together)
 * - a row has one owner: the entry, a slot as its spare, or nobody
 * - the row contains as many increments as were made since it was created (`expected`)
 * - no process stores under a lock that it does not hold; a process that meets the lock of a dead one finds it free
 *   afterwards
 *
 * -DSET -DINC -DCAS -DDEL: the operations. -DBY_ROW: readers use the row's sequence instead of the version.
 * -DBUG_...: one of the rules is left out.
 */
#ifndef WRITERS
#define WRITERS 3
#endif
#ifndef READERS
#define READERS 1
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#define ROWS 4
#define LINKED 9
#define NOBODY 7

/* byte locks of the segment's file: who holds them, process + 1 */
byte held[2];

byte lock = 0, version = 1, entry = 1;
byte owner[ROWS];
byte sequence[ROWS], revision[ROWS], count[ROWS], text[ROWS], copy[ROWS];

/* the slots */
byte spare[2];
byte operation[2];	/* 0 none, 1 link a row, 2 store a number, 3 unlink */
bool prepared[2];
byte jrow[2], jold[2], jtaken[2], jversion[2], jvalue[2];

/* ghosts */
byte expected = 0, deaths = 0, ended = 0, texts = 1;
bool committed[16];

#define DIE if :: deaths < DEATHS -> atomic { deaths++; goto dead } :: skip fi

/* The stores of a prepared operation, by its owner or by the process that settles it. */
inline carryOut(d) {
	if
	:: operation[d] == 1 ->
		DIE; owner[jrow[d]] = LINKED;
		DIE; atomic { assert(lock == d + 1); entry = jrow[d]; committed[text[jrow[d]]] = true }
		DIE; version = jversion[d];
		if
		:: jold[d] != 0 -> DIE; owner[jold[d]] = d + 1; DIE; spare[d] = jold[d]
		:: else -> DIE; spare[d] = jtaken[d]
		fi
	:: operation[d] == 2 ->
#ifdef BUG_REVISION_FIRST
		DIE; revision[jrow[d]] = jversion[d];
		DIE; atomic { assert(lock == d + 1); count[jrow[d]] = jvalue[d] }
#else
		DIE; atomic { assert(lock == d + 1); count[jrow[d]] = jvalue[d] }
		DIE; revision[jrow[d]] = jversion[d];
#endif
		DIE; version = jversion[d]
	:: operation[d] == 3 ->
		DIE; atomic { assert(lock == d + 1); entry = 0 }
		DIE; version = jversion[d];
#ifdef BUG_NO_OWNER
		DIE; owner[jrow[d]] = 0
#else
		DIE; owner[jrow[d]] = d + 1
#endif
	fi
}

inline release(d) {
#ifdef BUG_JOURNAL_FIRST
	DIE; operation[d] = 0;
#endif
	DIE; atomic { assert(lock == d + 1); lock = 0 }
}

/* Frees what was taken or unlinked and is not in use: only slices that still have the slot's id. */
inline freeLeftovers(d) {
#ifdef BUG_NO_OWNER
	if :: jtaken[d] != 0 && jtaken[d] != spare[d] && entry != jtaken[d] -> DIE; owner[jtaken[d]] = 0 :: else fi;
	if :: operation[d] == 3 && prepared[d] -> DIE; owner[jrow[d]] = 0 :: else fi
#else
	if :: jtaken[d] != 0 && jtaken[d] != spare[d] && owner[jtaken[d]] == d + 1 -> DIE; owner[jtaken[d]] = 0 :: else fi;
	if :: jrow[d] != 0 && jrow[d] != spare[d] && owner[jrow[d]] == d + 1 -> DIE; owner[jrow[d]] = 0 :: else fi
#endif
}

/* Requires the slot's byte lock. */
inline settle(d) {
	if
	:: operation[d] != 0 ->
		if
		:: lock == d + 1 ->
			if :: prepared[d] -> carryOut(d) :: else fi;
			DIE; lock = 0
		:: else
		fi;
		freeLeftovers(d);
		DIE; operation[d] = 0
	:: else
	fi
}

inline begin(kind) {
	jrow[s] = 0; jold[s] = 0; jtaken[s] = 0; prepared[s] = false;
	DIE; operation[s] = kind;
	do
	:: atomic { lock == 0 -> lock = s + 1; break }
	:: atomic { lock != 0 && lock != s + 1 && held[lock - 1] == 0 ->
		other = lock - 1;
#ifdef BUG_TAKEOVER
		lock = s + 1 }
		/* undone or done under this process's own id, from the dead process's journal */
		if
		:: operation[other] == 1 && entry == jrow[other] ->
			owner[jrow[other]] = LINKED;
			if :: jold[other] != 0 -> owner[jold[other]] = other + 1; spare[other] = jold[other]
			:: else -> spare[other] = jtaken[other] fi
		:: operation[other] == 2 && prepared[other] -> count[jrow[other]] = jvalue[other]; revision[jrow[other]] = jversion[other]
		:: else
		fi;
		operation[other] = 0; other = NOBODY; break
#else
		held[other] = me + 1 }
		settle(other);
		assert(lock != other + 1);
		atomic { held[other] = 0; other = NOBODY }
#endif
	od
}

/* Fills the spare; what the operation does not name comes from the linked row. */
inline fill(value) {
	sequence[spare[s]] = sequence[spare[s]] | 1;
	DIE; atomic { texts++; text[spare[s]] = texts }
	DIE; copy[spare[s]] = text[spare[s]];
	count[spare[s]] = value;
	jversion[s] = version + 1;
	revision[spare[s]] = version + 1;
	DIE; sequence[spare[s]] = sequence[spare[s]] + 1
}

/* `plus`: what the operation adds to the number. A slice is taken when the row is new. */
inline link(plus) {
	jrow[s] = spare[s]; jold[s] = entry;
	if :: entry != 0 -> skip :: else -> expected = 0 fi;
	DIE; d_step { prepared[s] = true; expected = expected + plus }
	carryOut(s);
	release(s);
	DIE; operation[s] = 0
}

inline take() {
	slice = 1;
	do
	:: slice < ROWS ->
		DIE; jtaken[s] = slice;
		DIE;
		if
		:: atomic { owner[slice] == 0 -> owner[slice] = s + 1 } break
		:: else -> slice++
		fi
	:: else -> jtaken[s] = 0; break
	od
}

inline abandon() { release(s); DIE; operation[s] = 0 }

proctype Writer(byte me) {
	byte s = NOBODY, other = NOBODY, seen, number, slice, round = 0;
	/* attach: take a slot whose byte lock is free; what its last owner left is settled first */
	do
	:: atomic { held[0] == 0 -> held[0] = me + 1; s = 0; break }
	:: atomic { held[1] == 0 -> held[1] = me + 1; s = 1; break }
	od;
	settle(s);
	do
	:: round == ROUNDS -> break
	:: round < ROUNDS -> round++;
	if
#ifdef SET
	:: skip ->
#ifdef BUG_EARLY_COPY
		number = (entry == 0 -> 0 : count[entry]);
#endif
		begin(1);
		if
		:: entry == 0 -> take()
		:: else
		fi;
		if
		:: entry == 0 && jtaken[s] == 0 -> abandon()
		:: else ->
#ifndef BUG_EARLY_COPY
			number = (entry == 0 -> 0 : count[entry]);
#endif
			fill(number); link(0)
		fi
#endif
#ifdef INC
	:: skip ->
		begin(2);
		if
		:: entry == 0 -> abandon()
		:: else ->
			jrow[s] = entry; jvalue[s] = count[entry] + 1; jversion[s] = version + 1;
			DIE; d_step { prepared[s] = true; expected++ }
			carryOut(s);
			release(s);
			DIE; operation[s] = 0
		fi
#endif
#ifdef CAS
	:: skip ->
		/* what entry() reads: the revision, then the number */
		seen = 0;
		slice = entry;
		if :: slice != 0 -> seen = revision[slice]; number = count[slice] :: else fi;
		if
		:: slice != 0 && slice == entry && seen != 0 ->
			begin(1);
			if
			:: entry != 0 && revision[entry] == seen -> fill(number + 1); link(1)
			:: else -> abandon()
			fi
		:: else
		fi
#endif
#ifdef DEL
	:: skip ->
		begin(3);
		if
		:: entry == 0 -> abandon()
		:: else ->
			jrow[s] = entry; jversion[s] = version + 1;
			DIE; prepared[s] = true;
			carryOut(s);
			release(s);
#ifndef BUG_NO_OWNER
			DIE; owner[jrow[s]] = 0;
#endif
			DIE; operation[s] = 0
		fi
#endif
	fi
	od;
dead:	atomic {
		if :: s != NOBODY -> held[s] = 0 :: else fi;
		if :: other != NOBODY -> held[other] = 0; other = NOBODY :: else fi;
		s = NOBODY; seen = 0; number = 0; slice = 0; round = 0;
		ended++
	}
}

proctype Reader() {
	byte before, row, even, a, b;
	do
	:: before = version; row = entry;
		if :: row == 0 -> break :: else fi;
		even = sequence[row]; a = text[row]; b = copy[row];
#ifdef BY_ROW
		if
#ifdef BUG_NO_ENTRY_CHECK
		:: (even & 1) == 0 && sequence[row] == even -> assert(a == b && committed[a]); break
		:: else
#else
		:: entry == row ->
			if
			:: (even & 1) == 0 && sequence[row] == even -> assert(a == b && committed[a]); break
			:: else
			fi
		:: else
#endif
		fi
#else
		if
		:: version == before -> assert(a == b && committed[a]); break
		:: else
		fi
#endif
	:: break
	od;
	ended++
}

init {
	byte s = NOBODY, other = NOBODY, slice, n;
	atomic {
		owner[1] = LINKED; spare[0] = 2; owner[2] = 1; spare[1] = 3; owner[3] = 2;
		text[1] = 1; copy[1] = 1; committed[1] = true; revision[1] = 1;
		n = 0;
		do :: n < WRITERS -> run Writer(n); n++ :: else -> break od;
		n = 0;
		do :: n < READERS -> run Reader(); n++ :: else -> break od
	}
	(ended == WRITERS + READERS);
	deaths = DEATHS;
	settle(0);
	settle(1);
	d_step {
		assert(lock == 0);
		if :: entry != 0 -> assert(count[entry] == expected && text[entry] == copy[entry]) :: else fi;
		slice = 1;
		do
		:: slice < ROWS ->
			n = (owner[slice] == 0 -> 1 : 0);
			if :: entry == slice -> n++; assert(owner[slice] == LINKED) :: else fi;
			if :: spare[0] == slice -> n++; assert(owner[slice] == 1) :: else fi;
			if :: spare[1] == slice -> n++; assert(owner[slice] == 2) :: else fi;
			assert(n == 1);
			slice++
		:: else -> break
		od
	}
dead:	skip
}
