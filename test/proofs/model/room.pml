/*
 * Writers that find no free block in the heap: they free the blocks that dead ones have claimed, and then wait for
 * others, or are refused.
 *
 * WRITERS processes each write a row of one to BLOCKS blocks, which they claim one by one before they link it, and may
 * remove it again. Each may die at any step; there are DEATHS deaths. Here blocks are only counted; their protocol is
 * modelled in `heap.pml`. `counted` is the number of blocks of linked rows that a writer can see: it is updated after a
 * commit.
 *
 * What is asserted: a writer is refused only if the rows, including those whose removal is not finished, left too
 * little room for its own at some moment (`most`); and no writer waits forever. Spin reports the latter as an invalid
 * end state.
 *
 * -DBUG_WAIT_HOLDING: a writer keeps what it has claimed while it waits. -DBUG_REFUSE: it does not wait for writers
 * that are claiming blocks. -DBUG_DEAD_LEFT: it does not free the blocks that dead ones have claimed.
 */
#ifndef WRITERS
#define WRITERS 3
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef BLOCKS
#define BLOCKS 3
#endif

byte free = BLOCKS, linked = 0, counted = 0;
byte claimed[WRITERS];
bool dead[WRITERS];

/* ghosts */
byte deaths = 0, most = 0;

#define DIE if :: deaths < DEATHS -> atomic { deaths++; dead[me] = true; goto out } :: skip fi

proctype Writer(byte me) {
	byte needed, other;
	if
	:: needed = 1
	:: needed = 2
	:: needed = BLOCKS
	fi;
again:	do
	:: claimed[me] == needed -> break
	:: claimed[me] < needed ->
		DIE;
		if
		:: atomic { free > 0 -> free--; claimed[me]++ }
		:: atomic { free == 0 -> skip }
#ifndef BUG_DEAD_LEFT
			other = 0;
			do
			:: other < WRITERS ->
				if
				:: atomic { dead[other] && claimed[other] > 0 -> free = free + claimed[other]; claimed[other] = 0 } goto again
				:: else -> other++
				fi
			:: else -> other = 0; break
			od;
#endif
			if
#ifdef BUG_REFUSE
			:: skip ->
#else
			:: counted + needed > BLOCKS ->
#endif
				atomic { assert(most + needed > BLOCKS); free = free + claimed[me]; claimed[me] = 0 }
				goto out
#ifndef BUG_REFUSE
			:: else ->
#if defined(BUG_WAIT_HOLDING)
				(free > 0 || counted + needed > BLOCKS)
#else
				atomic { free = free + claimed[me]; claimed[me] = 0 }
#ifdef BUG_DEAD_LEFT
				(free >= needed || counted + needed > BLOCKS)
#else
				(free >= needed || counted + needed > BLOCKS || (deaths > 0 && free < BLOCKS))
#endif
#endif
#endif
			fi
		fi
	od;
	DIE;
	atomic { linked = linked + needed; claimed[me] = 0; most = (linked > most -> linked : most) }
	/* a dead writer's commit is executed by the process that settles it: here immediately */
	counted = counted + needed;
	if
	:: skip
	:: DIE; claimed[me] = needed;
		atomic { counted = counted - needed; linked = linked - needed }
		do
		:: claimed[me] > 0 -> DIE; atomic { free++; claimed[me]-- }
		:: else -> break
		od
	fi;
out:	needed = 0; other = 0
}

init {
	byte n = 0;
	atomic { do :: n < WRITERS -> run Writer(n); n++ :: else -> break od }
}
