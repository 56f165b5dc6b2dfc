/*
 * Values that are too long for their fields, in chains of blocks of a heap: who owns a block, and when it is free.
 *
 * A chain belongs to the row whose field names its first block, wherever the row is. So the store that links a row
 * links its blocks, and makes the old row's blocks those of the writer, who frees them when its lock is released.
 * WRITERS processes attach to two slots and write rows of COLUMNS long columns, all columns or one, insert and remove
 * rows. Each may die before any of its stores, even during a recovery; there are DEATHS deaths. READERS processes take
 * one sample of a row and judge it by the version of its bucket, and by its entry and sequence.
 *
 * What is asserted:
 * - no block that a linked row needs is ever freed, and no process frees a block that it has not marked
 * - what a reader accepts is intact: every chain had the right length and contained only blocks of its value, and the
 *   columns were committed together
 * - at the end every block is in one chain and owned, or in none and free; rows that are not linked name no blocks;
 *   every row has one owner; the counters add up to the blocks of the linked rows
 *
 * -DPARTS: a write may name one of two columns. -DINSERT -DREMOVE: those operations. -DEXPIRED: a write may find the row
 * expired, and removes it first, while its own row holds blocks.
 * -DEVICT: there are two rows, of two keys; a writer that finds no block may evict the row of the other key.
 * -DINTERRUPTS=1: so many times a process is interrupted before a store, as by the timeout of a script, and continues
 * with its next operation. That first settles what was left; but a removal of `clear` leaves the claims of a write
 * alone, because it may be nested in one.
 * -DHINTS: bits tell which blocks look free. They are corrected once for all blocks of a word (1 and 2; 3 and 4).
 * -DBUG_...: one of the rules is left out.
 */
#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#ifndef READERS
#define READERS 0
#endif
#ifndef INTERRUPTS
#define INTERRUPTS 0
#endif
#ifndef COLUMNS
#define COLUMNS 1
#endif
#ifndef BLOCKS
#define BLOCKS 3
#endif
#ifdef EVICT
#define KEYS 2
#else
#define KEYS 1
#endif
/* rows 1 .. KEYS + 2: those that are linked or free, and a spare for each slot */
#define ROWS (KEYS + 3)
#define LINKED 9
#define NOBODY 7
/* why a writer takes a lock */
#define LINKING 1
#define REMOVING 2
#define EXPIRING 3
#define EVICTING 4
#define CLEARING 5
#define ALL ((1 << COLUMNS) - 1)
#define FIELD(row, column) ((row) * COLUMNS + (column))
/* owner of a block that slot d is giving back: no id */
#ifdef BUG_SAME_TAG
#define LEAVING(d) ((d) + 1)
#else
#define LEAVING(d) (16 + (d))
#endif
#define WORD_OF(block) (((block) - 1) / 2)
#define WORD_BITS(block) (WORD_OF(block) == 0 -> 6 : 24)

byte held[2];	/* byte locks of the slots: process + 1 */
byte lock[KEYS], version[KEYS], entry[KEYS];
byte owner[ROWS], sequence[ROWS];
/* fields: how many blocks, the first of them, and which write's value it is */
byte length[ROWS * COLUMNS], first[ROWS * COLUMNS], value[ROWS * COLUMNS];
byte holder[BLOCKS + 1], next[BLOCKS + 1], content[BLOCKS + 1];
#ifdef HINTS
byte hints = 0;
#endif

/* the slots: the journal of a row's operation (0 none, 1 link, 2 unlink), and that of the heap */
byte spare[2], operation[2], jkey[2], jrow[2], jold[2], jtaken[2], jversion[2];
bool prepared[2];
bool heapOpen[2];
byte claiming[2], releasing[2], kept[2];
byte blocks[2], blocksAfter[2];	/* modulo 256: what one slot counts may be below zero */

/* ghosts */
byte deaths = 0, ended = 0;
#if READERS > 0
bool committed[64];
#define ROW_VALUE(row) (value[FIELD(row, 0)] * 8 + value[FIELD(row, COLUMNS - 1)])
#define FOR_READERS(store) store
#else
#define FOR_READERS(store) skip
#endif
hidden byte gKey, gColumn, gBlock, gSteps;

#if INTERRUPTS > 0
byte interrupts = 0;
#define DIE if :: deaths < DEATHS -> atomic { deaths++; goto dead } :: interrupts < INTERRUPTS -> atomic { interrupts++; goto interrupted } :: skip fi
#else
#define DIE if :: deaths < DEATHS -> atomic { deaths++; goto dead } :: skip fi
#endif

/* No linked row needs this block. */
#define UNNEEDED(block) d_step { \
	gKey = 0; \
	do \
	:: gKey < KEYS -> \
		gColumn = 0; \
		do \
		:: gColumn < COLUMNS && entry[gKey] != 0 -> \
			gBlock = first[FIELD(entry[gKey], gColumn)]; gSteps = 0; \
			do \
			:: gBlock != 0 && gSteps < length[FIELD(entry[gKey], gColumn)] -> \
				assert(gBlock != block); gBlock = next[gBlock]; gSteps++ \
			:: else -> break \
			od; \
			gColumn++ \
		:: else -> break \
		od; \
		gKey++ \
	:: else -> break \
	od; \
	gKey = 0; gColumn = 0; gBlock = 0; gSteps = 0 }

#ifdef HINTS
#define READ_HOLDERS(into, of) \
	into = 0; i = 1; \
	do \
	:: i <= BLOCKS -> if :: (of & (1 << i)) && holder[i] != 0 -> into = into | (1 << i) :: else fi; i++ \
	:: else -> break \
	od; \
	i = 0
/* Makes the bits of these blocks agree with their holders: writes them, looks again, and repeats. */
inline sync(mask) {
	do
	:: d_step { READ_HOLDERS(taken, (mask)) }
		DIE; hints = hints | taken;
		DIE; hints = hints & ~((mask) & ~taken);
#ifdef BUG_NO_RELOOK
		break
#else
		d_step { READ_HOLDERS(again, (mask)); again = (again == taken) }
		if :: again -> break :: else fi
#endif
	od;
	taken = 0; again = 0
}
#endif

inline giveBack(d, block) {
	DIE; atomic { UNNEEDED(block); assert(holder[block] == LEAVING(d)); holder[block] = 0 }
}

/* Frees the chains of a row that only slot `d` may write. Those of the columns `except` belong to another row. */
inline freeChains(d, row, except) {
	column = 0;
	do
	:: column < COLUMNS ->
		if
		:: (except) & (1 << column) -> DIE; first[FIELD(row, column)] = 0
		:: else ->
			do
			:: first[FIELD(row, column)] == 0 -> break
			:: else ->
				block = first[FIELD(row, column)];
#if defined(HINTS) && !defined(BUG_HINTS_LATE)
				if :: freed != 0 && (freed & WORD_BITS(block)) == 0 -> sync(freed); freed = 0 :: else fi;
#endif
				DIE; releasing[d] = block;
				DIE; holder[block] = LEAVING(d);
#ifdef BUG_RELEASE_FIRST
				giveBack(d, block);
				DIE; first[FIELD(row, column)] = next[block];
#else
				DIE; first[FIELD(row, column)] = next[block];
				giveBack(d, block);
#endif
#ifdef HINTS
				freed = freed | (1 << block);
#endif
				block = 0
			od
		fi;
		column++
	:: else -> break
	od;
#ifdef HINTS
	if :: freed != 0 -> sync(freed); freed = 0 :: else fi;
#endif
	column = 0; block = 0
}

/* The chains of the spare are not linked: a write was refused or has replaced a row. Both are the same from here on. */
inline emptySpare(d) {
#ifdef BUG_NO_KEPT
	freeChains(d, spare[d], 0);
#else
	freeChains(d, spare[d], kept[d]);
#endif
#ifndef BUG_KEPT_STAYS
	DIE; kept[d] = 0
#endif
}

/* Stores final values, so that the owner or the process that settles it may repeat it. */
inline carryOut(d) {
	if
	:: operation[d] == 1 ->
		DIE; owner[jrow[d]] = LINKED;
		DIE; atomic {
			assert(lock[jkey[d]] == d + 1);
			entry[jkey[d]] = jrow[d];
			FOR_READERS(committed[ROW_VALUE(jrow[d])] = true)
		}
#ifdef BUG_FREE_EARLY
		if :: jold[d] != 0 -> freeChains(d, jold[d], kept[d]) :: else fi;
#endif
		FOR_READERS(DIE; version[jkey[d]] = jversion[d])
	:: operation[d] == 2 ->
		DIE; atomic { assert(lock[jkey[d]] == d + 1); entry[jkey[d]] = 0 }
		FOR_READERS(DIE; version[jkey[d]] = jversion[d]);
		DIE; owner[jrow[d]] = d + 1
	fi;
#ifdef BUG_COUNT_ADDED
	DIE; blocks[d] = blocks[d] + blocksAfter[d];
#else
	DIE; blocks[d] = blocksAfter[d];
#endif
	if
	:: operation[d] == 1 && jold[d] != 0 -> DIE; owner[jold[d]] = d + 1; DIE; spare[d] = jold[d]
	:: operation[d] == 1 && jold[d] == 0 -> DIE; spare[d] = jtaken[d]
	:: else
	fi
}

#ifdef BUG_NO_OPEN
#define UNFINISHED(d) (operation[d] != 0)
#else
#define UNFINISHED(d) (operation[d] != 0 || heapOpen[d])
#endif

inline dropClaim(d) {
	block = claiming[d];
	if
	:: block != 0 && holder[block] == d + 1 -> DIE; atomic { UNNEEDED(block); holder[block] = 0 }
	:: else
	fi
}

/* The rest of the journal means nothing while `operation` is 0; cleared here so that there are fewer states. */
inline end(d) { DIE; d_step { operation[d] = 0; jkey[d] = 0; jold[d] = 0; jtaken[d] = 0; jversion[d] = 0; prepared[d] = false; blocksAfter[d] = 0 } }

#ifdef BUG_RELEASE_LEFT
#define MUST_SETTLE(d) (operation[d] != 0 || (heapOpen[d] && !partly))
#else
#define MUST_SETTLE(d) UNFINISHED(d)
#endif

/* Requires the slot's byte lock. Every step may be repeated. `partly`: not the claims of a write. */
inline settle(d) {
	if
	:: MUST_SETTLE(d) ->
		if
		:: operation[d] != 0 && lock[jkey[d]] == d + 1 ->
			if :: prepared[d] -> carryOut(d) :: else fi;
			DIE; lock[jkey[d]] = 0
		:: else
		fi;
		/* a block that was marked but not freed, in its chain or not */
		block = releasing[d];
#ifndef BUG_NO_RELEASING
		if
		:: block != 0 && holder[block] == LEAVING(d) ->
#ifndef BUG_NO_UNHOOK
			column = 0;
			do
			:: column < COLUMNS ->
				if
				:: first[FIELD(spare[d], column)] == block && !(kept[d] & (1 << column)) ->
					DIE; first[FIELD(spare[d], column)] = next[block]
				:: else
				fi;
				if
				:: jrow[d] != 0 && jrow[d] != spare[d] && owner[jrow[d]] == d + 1 && first[FIELD(jrow[d], column)] == block ->
					DIE; first[FIELD(jrow[d], column)] = next[block]
				:: else
				fi;
				column++
			:: else -> break
			od;
			column = 0;
#endif
			giveBack(d, block)
		:: else
		fi;
#endif
#if defined(HINTS) && !defined(BUG_HINTS_NOT_RECOVERED) && !defined(BUG_HINTS_AT_END)
		/* before another block is named; the ones before it in its word may have the wrong bit, too */
#ifdef BUG_ONE_HINT
		if :: block != 0 -> sync(1 << block) :: else fi;
#else
		if :: block != 0 -> sync(WORD_BITS(block)) :: else fi;
#endif
#endif
#ifdef BUG_CLAIM_BEFORE_CHAIN
		dropClaim(d);
#endif
		if
		:: operation[d] == 2 && prepared[d] && jrow[d] != spare[d] && owner[jrow[d]] == d + 1 ->
			freeChains(d, jrow[d], 0);
			DIE; owner[jrow[d]] = 0
		:: else
		fi;
		if
		:: partly && operation[d] != 1
		:: else ->
				emptySpare(d);
#ifdef BUG_HINTS_AT_END
				if :: releasing[d] != 0 -> sync(WORD_BITS(releasing[d])) :: else fi;
#endif
#ifndef BUG_CLAIM_BEFORE_CHAIN
				dropClaim(d);
#endif
#if defined(HINTS) && !defined(BUG_HINTS_NOT_RECOVERED)
#ifdef BUG_ONE_HINT
				if :: block != 0 -> sync(1 << block) :: else fi;
#else
				if :: block != 0 -> sync(WORD_BITS(block)) :: else fi;
#endif
#endif
				block = 0;
				DIE; claiming[d] = 0
		fi;
		if
		:: operation[d] == 1 && jtaken[d] != 0 && jtaken[d] != spare[d] && owner[jtaken[d]] == d + 1 ->
			DIE; owner[jtaken[d]] = 0
		:: else
		fi;
		if
		:: partly && operation[d] != 1 -> end(d)
		:: else -> end(d); DIE; heapOpen[d] = false
		fi
	:: else
	fi
}

inline begin(kind, k) {
	d_step { jkey[s] = k; jold[s] = 0; jtaken[s] = 0; prepared[s] = false }
	DIE; operation[s] = kind
}

/* A process that finds the holder dead settles its operation. */
inline takeLock() {
	do
	:: atomic { lock[jkey[s]] == 0 -> lock[jkey[s]] = s + 1; break }
	:: atomic { lock[jkey[s]] != 0 && lock[jkey[s]] != s + 1 && held[lock[jkey[s]] - 1] == 0 ->
		other = lock[jkey[s]] - 1; held[other] = me + 1 }
		settle(other);
		atomic { held[other] = 0; other = NOBODY }
	od
}

inline release() { DIE; lock[jkey[s]] = 0 }

/* Removes the row that the lock protects. */
inline unlink(row) {
	d_step {
		jrow[s] = row;
		FOR_READERS(jversion[s] = version[jkey[s]] + 1);
		blocksAfter[s] = blocks[s]; i = 0;
		do
		:: i < COLUMNS -> blocksAfter[s] = blocksAfter[s] - length[FIELD(row, i)]; i++
		:: else -> i = 0; break
		od
	}
	DIE; prepared[s] = true;
	carryOut(s);
	release();
#ifdef BUG_ROW_FIRST
	DIE; owner[jrow[s]] = 0;
	freeChains(s, jrow[s], 0);
#else
	freeChains(s, jrow[s], 0);
	DIE; owner[jrow[s]] = 0;
#endif
	end(s)
}

#ifdef BUG_NO_LOOK
#define LOOKS_FREE(b) (BLOCKS >= b)
#else
#ifdef HINTS
#define LOOKS_FREE(b) (BLOCKS >= b && !(hints & (1 << b)))
#else
#define LOOKS_FREE(b) (BLOCKS >= b && holder[b] == 0)
#endif
#endif

/* Claims a block and appends it to the chain of a column of the spare. Claims none if none looks free. */
inline claimOne(c) {
	claimed = 0;
	if
	:: LOOKS_FREE(1) -> claimed = 1
	:: LOOKS_FREE(2) -> claimed = 2
#if BLOCKS > 2
	:: LOOKS_FREE(3) -> claimed = 3
#endif
#if BLOCKS > 3
	:: LOOKS_FREE(4) -> claimed = 4
#endif
	:: noBlock = true
	fi;
#ifdef HINTS
	/* Its owner has not set its bit yet. It is named so that recovery checks its word, but not as a claim. */
	if
	:: claimed != 0 && holder[claimed] != 0 ->
#ifndef BUG_HINT_UNNAMED
		DIE; releasing[s] = claimed;
#endif
		sync(1 << claimed);
		claimed = 0
	:: else
	fi;
#endif
	if
	:: claimed != 0 ->
#ifdef HINTS
		if :: fresh != 0 && (fresh & WORD_BITS(claimed)) == 0 -> sync(fresh); fresh = 0 :: else fi;
#endif
		DIE; claiming[s] = claimed;
		DIE; atomic {
			if
			:: holder[claimed] == 0 -> holder[claimed] = s + 1
			:: else -> claimed = 0
			fi
		}
#ifdef HINTS
		if :: claimed != 0 -> fresh = fresh | (1 << claimed) :: else fi;
#endif
		if
		:: claimed != 0 ->
			next[claimed] = 0;
			FOR_READERS(content[claimed] = number);
			DIE;
			if
			:: tail == 0 -> first[FIELD(spare[s], c)] = claimed
			:: else -> next[tail] = claimed
			fi;
			tail = claimed; wanted--
		:: else
		fi
	:: else
	fi;
	claimed = 0
}

/* Under the lock: completes the spare with the columns that the write did not name, and links it. */
inline link(old) {
	c = 0;
	do
	:: c < COLUMNS && (named & (1 << c)) -> c++
	:: c < COLUMNS && !(named & (1 << c)) ->
		if
		:: old != 0 && first[FIELD(old, c)] != 0 ->
#ifdef BUG_KEPT_LATE
			DIE; first[FIELD(spare[s], c)] = first[FIELD(old, c)];
			DIE; kept[s] = kept[s] | (1 << c);
#else
			DIE; kept[s] = kept[s] | (1 << c);
			DIE; first[FIELD(spare[s], c)] = first[FIELD(old, c)];
#endif
			length[FIELD(spare[s], c)] = length[FIELD(old, c)];
			FOR_READERS(value[FIELD(spare[s], c)] = value[FIELD(old, c)])
		:: else ->
			length[FIELD(spare[s], c)] = 0;
			FOR_READERS(value[FIELD(spare[s], c)] = number)
		fi;
		c++
	:: else -> c = 0; break
	od;
	FOR_READERS(sequence[spare[s]] = sequence[spare[s]] + 1);
	d_step {
		jrow[s] = spare[s]; jold[s] = old;
		FOR_READERS(jversion[s] = version[jkey[s]] + 1);
		blocksAfter[s] = blocks[s]; i = 0;
		do
		:: i < COLUMNS ->
			blocksAfter[s] = blocksAfter[s] + length[FIELD(spare[s], i)] - (old == 0 -> 0 : length[FIELD(old, i)]); i++
		:: else -> i = 0; break
		od
	}
	DIE; prepared[s] = true;
	carryOut(s);
	release()
}

/* A slice for the next spare, if the row is new; `jtaken` remains 0 if there is none. */
inline take() {
	c = 1;
	do
	:: c < ROWS ->
		DIE; jtaken[s] = c;
		DIE;
		if
		:: atomic { owner[c] == 0 -> owner[c] = s + 1 } break
		:: else -> c++
		fi
	:: else -> jtaken[s] = 0; break
	od;
	c = 0
}

proctype Writer(byte me) {
	byte s = NOBODY, other = NOBODY, round = 0, number, named, c, wanted, tail, claimed, column, block, i, goal;
	bool noBlock, mustBeNew, evicted, partly;
#ifdef HINTS
	byte freed, fresh, taken, again;
#endif
	do
	:: atomic { held[0] == 0 -> held[0] = me + 1; s = 0; break }
	:: atomic { held[1] == 0 -> held[1] = me + 1; s = 1; break }
	od;
	settle(s);
another:
	if
	:: round == ROUNDS -> goto dead
	:: else -> round++; number = 1 + me * ROUNDS + round
	fi;
	if
	:: named = ALL
#ifdef PARTS
	:: named = 1
#endif
#ifdef INSERT
	:: named = ALL; mustBeNew = true
#endif
#ifdef REMOVE
	:: goal = REMOVING
#endif
#if INTERRUPTS > 0
	:: goal = CLEARING
#endif
	fi;
#if INTERRUPTS > 0
	partly = (goal == CLEARING);
	settle(s);
	partly = false;
#endif
	if
	:: goal == REMOVING || goal == CLEARING -> goto enter
	:: else
	fi;
	DIE; heapOpen[s] = true;
	FOR_READERS(sequence[spare[s]] = sequence[spare[s]] | 1);
claim:
	/* the blocks of the named columns: before any lock */
	do
	:: c < COLUMNS && (named & (1 << c)) && !noBlock ->
		if
		:: wanted == 0 ->
			if :: wanted = 1 :: wanted = 2 fi;
			length[FIELD(spare[s], c)] = wanted;
			FOR_READERS(value[FIELD(spare[s], c)] = number)
		:: else
		fi;
		do
		:: wanted > 0 && !noBlock -> claimOne(c)
		:: else -> break
		od;
		if :: wanted == 0 -> tail = 0; c++ :: else fi
	:: c < COLUMNS && !(named & (1 << c)) && !noBlock -> c++
	:: else -> break
	od;
#ifdef HINTS
	if :: fresh != 0 -> sync(fresh); fresh = 0 :: else fi;
#endif
#ifndef BUG_CLAIMING_STAYS
	DIE; claiming[s] = 0;
#endif
#ifdef EVICT
	if
	:: noBlock && !evicted -> goal = EVICTING; goto enter
	:: else
	fi;
#endif
	c = 0; wanted = 0; tail = 0;
	if
	:: noBlock -> goto leave
	:: else -> goal = LINKING
	fi;
enter:
	if
	:: goal == LINKING -> begin(1, me % KEYS)
	:: goal == REMOVING || goal == CLEARING -> begin(2, me % KEYS)
	:: goal == EVICTING -> begin(2, 1 - me % KEYS)
	fi;
	takeLock();
	if
	:: goal == LINKING ->
#ifdef EXPIRED
		if
		:: entry[jkey[s]] != 0 -> DIE; operation[s] = 2; goal = EXPIRING; goto cut
		:: skip
		fi;
#endif
		if
		:: entry[jkey[s]] == 0 -> take()
		:: else
		fi;
		if
		:: entry[jkey[s]] != 0 && mustBeNew -> release(); end(s)
		:: entry[jkey[s]] == 0 && jtaken[s] == 0 -> release(); end(s)
		:: else -> link(entry[jkey[s]])
		fi;
		goto leave
	:: else
	fi;
cut:
	if
	:: entry[jkey[s]] != 0 -> unlink(entry[jkey[s]])
	:: else -> release(); end(s); evicted = true
	fi;
	if
	:: goal == EXPIRING -> goal = LINKING; goto enter
	:: goal == EVICTING && !evicted -> evicted = true; noBlock = false; goto claim
	:: goal == EVICTING && evicted -> goto leave
	:: goal == REMOVING || goal == CLEARING -> goto done
	fi;
leave:
	emptySpare(s);
	if :: operation[s] != 0 -> end(s) :: else fi;
	DIE; heapOpen[s] = false;
done:
	noBlock = false; mustBeNew = false; evicted = false; named = 0; number = 0; goal = 0; c = 0; wanted = 0; tail = 0;
	goto another;
#if INTERRUPTS > 0
interrupted:
	atomic {
		if :: other != NOBODY -> held[other] = 0; other = NOBODY :: else fi;
		partly = false; column = 0; block = 0; i = 0; claimed = 0;
#ifdef HINTS
		freed = 0; fresh = 0; taken = 0; again = 0;
#endif
		goto done
	}
#endif
dead:	atomic {
		if :: s != NOBODY -> held[s] = 0 :: else fi;
		if :: other != NOBODY -> held[other] = 0; other = NOBODY :: else fi;
		s = NOBODY; round = 0; number = 0; named = 0; c = 0; wanted = 0; tail = 0; claimed = 0; column = 0; block = 0;
		i = 0; goal = 0; noBlock = false; mustBeNew = false; evicted = false; partly = false;
#ifdef HINTS
		freed = 0; fresh = 0; taken = 0; again = 0;
#endif
		ended++
	}
}

#if READERS > 0
proctype Reader() {
	byte before, row, even, c, left, write, firstWrite, at;
	bool damaged, foreign, whole;
	before = version[0]; row = entry[0];
	if
	:: row != 0 ->
		even = sequence[row];
		do
		:: c < COLUMNS ->
			d_step { left = length[FIELD(row, c)]; write = value[FIELD(row, c)] }
			at = first[FIELD(row, c)];
			if :: c == 0 -> firstWrite = write :: else fi;
			do
			:: left > 0 && !damaged ->
				if
				:: at == 0 -> damaged = true
				:: else ->
					if :: content[at] != write -> foreign = true :: else fi;
					at = next[at]; left--
				fi
			:: else -> break
			od;
			if :: at != 0 -> damaged = true :: else fi;
			at = 0; left = 0; c++
		:: else -> break
		od;
		if
		:: version[0] == before -> whole = true; assert(!damaged)
		:: else ->
			if
#ifdef BUG_ENTRY_ONLY
			:: entry[0] == row && !damaged -> whole = true
#else
			:: entry[0] == row && !damaged ->
				if :: (even & 1) == 0 && sequence[row] == even -> whole = true :: else fi
#endif
			:: else
			fi
		fi;
		assert(!whole || (!foreign && committed[firstWrite * 8 + write]))
	:: else
	fi;
	ended++
}
#endif

init {
	byte s = NOBODY, other = NOBODY, me = 0, n, c, column, block, i;
	bool partly = false;
#ifdef HINTS
	byte freed, taken, again;
#endif
	byte found[BLOCKS + 1];
	atomic {
		n = 1; block = 1;
		do
		:: n <= KEYS ->
			entry[n - 1] = n; owner[n] = LINKED; c = 0;
			do
			:: c < COLUMNS && block <= BLOCKS ->
				first[FIELD(n, c)] = block; length[FIELD(n, c)] = 1; value[FIELD(n, c)] = 1;
				holder[block] = 1; content[block] = 1;
				blocks[0] = blocks[0] + 1;
#ifdef HINTS
				hints = hints | (1 << block);
#endif
				block++; c++
			:: else -> c = 0; break
			od;
			n++
		:: else -> break
		od;
		block = 0;
		spare[0] = KEYS + 1; owner[KEYS + 1] = 1; spare[1] = KEYS + 2; owner[KEYS + 2] = 2;
		n = 0;
		do :: n < WRITERS -> run Writer(n); n++ :: else -> break od;
#if READERS > 0
		committed[ROW_VALUE(1)] = true;
		n = 0;
		do :: n < READERS -> run Reader(); n++ :: else -> break od;
#endif
		n = 0
	}
	(ended == WRITERS + READERS);
	deaths = DEATHS;
#if INTERRUPTS > 0
	interrupts = INTERRUPTS;
#endif
	do :: n < 2 -> settle(n); n++ :: else -> break od;
	n = 0;
	d_step {
		n = 1;
		do
		:: n < ROWS ->
			i = (owner[n] == 0 -> 1 : 0);
			if :: spare[0] == n -> i++; assert(owner[n] == 1) :: else fi;
			if :: spare[1] == n -> i++; assert(owner[n] == 2) :: else fi;
			if :: entry[0] == n || entry[KEYS - 1] == n -> i++; assert(owner[n] == LINKED) :: else fi;
			assert(i == 1);
			c = 0;
			do
			:: c < COLUMNS ->
				block = first[FIELD(n, c)]; i = 0;
				assert(block == 0 || owner[n] == LINKED);
				do
				:: block != 0 -> found[block] = found[block] + 1; i++; assert(i <= BLOCKS && holder[block] != 0 && holder[block] <= 2); block = next[block]
				:: else -> break
				od;
				assert(owner[n] != LINKED || i == length[FIELD(n, c)]);
				blocks[0] = blocks[0] - i;
				c++
			:: else -> c = 0; break
			od;
			n++
		:: else -> break
		od;
		i = 1;
		do
		:: i <= BLOCKS ->
			assert(found[i] <= 1 && (found[i] == 1) == (holder[i] != 0));
#ifdef HINTS
			assert(((hints >> i) & 1) == (holder[i] != 0));
#endif
			i++
		:: else -> break
		od;
		assert(lock[0] == 0 && lock[KEYS - 1] == 0);
		c = blocks[0] + blocks[1];
		assert(c == 0)
	}
#if INTERRUPTS > 0
interrupted:	skip;
#endif
dead:	skip
}
