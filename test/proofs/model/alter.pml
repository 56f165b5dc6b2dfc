/*
 * A table that is altered: freeze, copy, move and rename, and how writers, readers and those who find a dead alterer go
 * on. See src/table/alter/states.ts and alteration.ts.
 *
 * The table is one row in one bucket: a number that each of WRITERS increments once, in the old segment (0) or the new
 * one (1). DEATHS processes may die: the alterer before each of its steps, a writer in the middle of its write or of
 * thawing the table. The lock of a bucket survives its holder, and others complete the write; the right to alter ends
 * with its holder. A dead alterer has a successor.
 *
 * What must hold: a reader sees every increment that was completed before it began, and everything that other readers
 * had seen by then, whichever segment each of them read; and the name always leads to the table.
 */
#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef READERS
#define READERS 0
#endif
#ifndef OPENERS
#define OPENERS 0
#endif
#define READY 1
#define FROZEN 2
#define MOVED 3

byte state = READY;	/* of the old segment */
byte row[2] = 0;
byte lock = 0;		/* of the bucket in the old segment: 0, or a writer + 1 */
bool prepared = false;	/* the journal of the lock's holder says so */
bool dead[WRITERS] = false;
byte right = 0;		/* to alter the table: 0, 1 the alterer, or a writer + 2 */
bool next = false;	/* the new segment is at its place beside the name */
bool named = false;	/* the table's name leads to the new segment */
byte done = 0;		/* increments that were completed */
byte begun = 0;
byte seen = 0;		/* the most that a reader has seen */
byte deaths = 0;
byte ended = 0;

/* Recovery, by whoever finds the lock of a dead writer. */
inline settle() {
	atomic {
		if
		:: lock != 0 && dead[lock - 1] ->
			if :: prepared -> row[0]++; prepared = false :: else fi;
			lock = 0
		:: else
		fi
	}
}

/* By anyone, any time after the move, and any number of times. */
inline rename() {
	atomic { if :: next -> named = true; next = false :: else fi }
}

#define DIE if :: deaths < DEATHS -> atomic { deaths++; right = 0; goto died } :: skip fi

proctype Alterer() {
	byte stamp, copied;
	bool isSuccessor = false;
begin:
	atomic { right == 0 -> right = 1 };
	if
	:: state == MOVED -> right = 0; goto end
	:: state == FROZEN -> next = false; state = READY
	:: state == READY
	fi;
	/* what others change after this is copied once more: the number is also the bucket's version */
	stamp = row[0];
	copied = stamp;
	DIE;
	state = FROZEN;
	DIE;
#ifndef BUG_NO_LOCKS
	do
	:: lock == 0 -> break
	:: lock != 0 && dead[lock - 1] -> settle()
	od;
	DIE;
#endif
#ifndef BUG_NO_SECOND_COPY
	if :: row[0] != stamp -> copied = row[0] :: else fi;
#endif
	atomic { row[1] = copied; next = true };
	DIE;
#ifdef BUG_RENAME_FIRST
	rename();
	DIE;
#endif
	state = MOVED;
	DIE;
	rename();
	right = 0;
	goto end;
died:
	if :: !isSuccessor -> isSuccessor = true; goto begin :: else fi;
end:
	ended++
}

proctype Writer(byte i) {
again:
	if
	:: state == READY
	:: state == MOVED -> goto follow
	:: state == FROZEN ->
#ifdef BUG_EARLY_FOLLOW
		if :: next -> goto write_there :: !next fi;
#endif
		/* the right is free only if the alterer is dead, or has ended just now */
		if
		:: atomic { right == 0 -> right = i + 2 }
#ifdef BUG_THAW_BLINDLY
			next = false;
#else
			if :: state == FROZEN -> next = false :: else fi;
#endif
			DIE;
			atomic { if :: state == FROZEN -> state = READY :: else fi };
			right = 0
		:: state != FROZEN
		fi;
		goto again
	fi;
	do
	:: atomic { lock == 0 -> lock = i + 1 }; break
	:: lock != 0 && dead[lock - 1] -> settle()
	od;
#ifndef BUG_NO_LOOK
	if :: state != READY -> lock = 0; goto again :: else fi;
#endif
	atomic { begun++; prepared = true };
	if
	:: deaths < DEATHS -> atomic { deaths++; dead[i] = true; goto died }
	:: skip
	fi;
	atomic { row[0]++; prepared = false };
	lock = 0;
	done++;
	goto died;
follow:
	if :: !named -> rename() :: else fi;
	assert(named);
write_there:
	atomic { begun++; row[1]++; done++ };
died:
	ended++
}

/* Reads twice, and so may see the switch: READERS have the table open, OPENERS open it each time. */
proctype Reader(bool byName) {
	byte least, value, rounds;
	bool isOld;
	do
	:: rounds < 2 ->
		rounds++;
		atomic { least = seen; if :: done > least -> least = done :: else fi };
		if
		:: byName && named -> isOld = false
		:: else ->
			isOld = (state != MOVED);
			if
			:: !isOld -> if :: !named -> rename() :: else fi; assert(named)
			:: else
			fi
		fi;
		if :: isOld -> value = row[0] :: else -> value = row[1] fi;
		assert(value >= least && value <= begun);
		atomic { if :: value > seen -> seen = value :: else fi }
	:: else -> break
	od;
	ended++
}

init {
	byte i = 0;
	atomic {
		run Alterer();
		do :: i < WRITERS -> run Writer(i); i++ :: else -> break od;
		i = 0;
		do :: i < READERS -> run Reader(false); i++ :: else -> break od;
		i = 0;
		do :: i < OPENERS -> run Reader(true); i++ :: else -> break od
	}
	(ended == WRITERS + READERS + OPENERS + 1);
	settle();
	if
	:: state == MOVED -> rename(); assert(named && row[1] >= done)
	:: else -> assert(!named && row[0] >= done)
	fi
}
