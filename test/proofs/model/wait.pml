/*
 * Waiting for a lock word: 0, or the holder's id, with a mark while somebody sleeps on it. A release exchanges the word
 * for 0, and wakes one sleeper if the mark was set. A waiter that has slept takes the lock with the mark: others may
 * still be sleeping. No process times out here, so a lost wake-up is a deadlock.
 */
#ifndef WAITERS
#define WAITERS 3
#endif
#define MARK 8

byte lock = 0;
bool asleep[WAITERS];
byte holders = 0;

proctype Waiter(byte me) {
	byte seen, next;
	bool slept = false;
	do
	:: atomic {
			seen = lock;
			if
			:: seen == 0 ->
#ifdef BUG_MARK_LOST
				lock = me + 1;
#else
				lock = me + 1 + (slept -> MARK : 0);
#endif
				break
			:: else
			fi
		}
		if
		:: seen < MARK ->
			if
			:: atomic { lock == seen -> lock = seen + MARK; seen = seen + MARK }
			:: else -> seen = 0
			fi
		:: else
		fi;
		if
		:: seen != 0 ->
			if
			:: atomic { lock == seen -> asleep[me] = true }
				!asleep[me];
				slept = true
			:: else
			fi
		:: else
		fi
	od;
	holders++;
	assert(holders == 1);
	holders--;
	atomic { seen = lock; lock = 0 }
	if
	:: seen >= MARK ->
		atomic {
			next = 0;
			do
			:: next < WAITERS && !asleep[next] -> next++
			:: else -> break
			od;
			if :: next < WAITERS -> asleep[next] = false :: else fi
		}
	:: else
	fi
}

init {
	byte n = 0;
	atomic { do :: n < WAITERS -> run Waiter(n); n++ :: else -> break od }
}
