/** A model in this folder's sources, or one with a rule left out, which spin must reject. */
export interface ModelRun {
  readonly name: string;
  readonly file: 'write' | 'read' | 'move' | 'wait' | 'feed' | 'wake' | 'soonest';
  readonly defines: readonly string[];
  /** Also explored in `npm test`: takes a few seconds at most. */
  readonly short: boolean;
}

const run = (file: ModelRun['file'], defines: string, name: string, short = true): ModelRun => ({
  name,
  file,
  defines: defines.split(' '),
  short,
});

/** The models that hold: explored in full. */
export const sound: readonly ModelRun[] = [
  run('write', 'SET DEL WRITERS=2', 'set and delete'),
  run('read', 'CHANGES=4', 'changes in place of two numbers, read by entry, sequence and revision'),
  run('move', 'DEATHS=2', 'removal that moves, read in one pass'),
  run('move', 'DEATHS=2 BY_ROW', 'removal that moves, read row by row'),
  run('wait', 'WAITERS=4', 'waiting for a lock'),
  run('feed', 'CRASHES=1 ROUNDS=1', 'cells of the change feed, claimed by three'),
  run('feed', 'CRASHES=1 PRODUCERS=2 ROUNDS=3', 'cells of the change feed, claimed for laps'),
  run('feed', 'CRASHES=0 PRODUCERS=2 ROUNDS=3 CONTENT', 'the contents of the cells of the change feed'),
  run('wake', 'WRITERS=2', 'waiting for a change'),
  run('read', 'CHANGES=9', 'changes in place that return to earlier numbers', false),
  run('read', 'CHANGES=4 REPLACE BY_VERSION', 'changes in place and a new row, read by version', false),
  run('read', 'CHANGES=4 REPLACE', 'changes in place of a row that is replaced', false),
  run('soonest', 'PASSES=2', 'the soonest expiry of a group'),
  run('write', 'SET INC WRITERS=2', 'set and increment', false),
  run('write', 'CAS INC WRITERS=2', 'compare-and-set and increment', false),
  run('write', 'SET DEL WRITERS=3 READERS=0', 'set and delete, slots used again', false),
  run('write', 'SET WRITERS=2 ROUNDS=2 BY_ROW', 'set, read row by row', false),
  run('write', 'SET INC WRITERS=3', 'set and increment, read, slots used again', false),
  run('write', 'SET INC CAS DEL WRITERS=3 READERS=0', 'every operation, slots used again', false),
  run('feed', 'CRASHES=1 ROUNDS=2', 'cells of the change feed, claimed for laps by three', false),
  run('feed', 'CRASHES=1 PRODUCERS=2 ROUNDS=3 CONTENT', 'the contents of the cells, with deaths', false),
  run('wake', 'WRITERS=3', 'waiting for a change, three writers', false),
];

/** The models that spin must reject: each leaves out one rule that the protocol relies on. */
export const broken: readonly ModelRun[] = [
  run('write', 'SET INC WRITERS=2 BUG_JOURNAL_FIRST', 'the journal is cleared before the lock is released'),
  run('write', 'SET DEL WRITERS=3 READERS=0 BUG_TAKEOVER', "a dead participant's lock is taken over"),
  run('write', 'SET DEL WRITERS=2 ROUNDS=2 READERS=0 BUG_NO_OWNER', 'an unlinked row has no owner'),
  run('write', 'SET INC WRITERS=2 READERS=0 BUG_EARLY_COPY', 'a partial set copies before it has the lock'),
  run('write', 'CAS INC WRITERS=2 READERS=0 BUG_REVISION_FIRST', 'an increment stores the revision before the value'),
  run('write', 'SET WRITERS=2 ROUNDS=2 BY_ROW BUG_NO_ENTRY_CHECK', 'a reader does not check the entry again', false),
  run('read', 'BUG_NO_REVISION', 'a reader relies on entry and sequence alone'),
  run('read', 'BUG_ONE_LOOK', 'a reader does not compare the numbers that it copied'),
  run('read', 'BUG_REVISION_FIRST', 'a change in place stores the revision before the number', false),
  run('read', 'BUG_LOCK_LOST', 'a lock is free before the change of its dead holder is settled', false),
  run('read', 'BUG_NO_SEQUENCE REPLACE', 'a reader relies on entry and revision alone', false),
  run('read', 'BY_VERSION BUG_NO_REVISION', 'a reader does not check the version again', false),
  run('move', 'BUG_ONE_ADVANCE', 'a removal advances the version once'),
  run('move', 'BUG_EMPTY_FIRST BY_ROW', 'a removal empties the old place first'),
  run('move', 'BUG_FREE_BEFORE_UNLOCK', 'an overflow bucket is freed before the lock is released'),
  run('feed', 'CRASHES=1 ROUNDS=1 NOTE_LATE', 'a claim is noted after it was published'),
  run('feed', 'CRASHES=1 ROUNDS=1 HEAD_FIRST', 'the head passes a cell before it is claimed'),
  run('feed', 'CRASHES=1 PRODUCERS=2 ROUNDS=3 LAP_UNSIGNED', 'a cell of a later lap is claimed'),
  run(
    'feed',
    'CRASHES=1 PRODUCERS=2 ROUNDS=3 CONTENT SUM_OF_CELL',
    'the checksum of a cell is computed from its contents',
  ),
  run('wake', 'WRITERS=2 BUG_CLEAR_LATE', 'the mark is cleared after the word has advanced'),
  run('wake', 'WRITERS=2 BUG_LOOK_ONCE', 'the mark is checked only before the word advances'),
  run('wake', 'WRITERS=2 BUG_UNSURE', 'recovery wakes only if the mark is set'),
  run('soonest', 'BUG_LINK_FIRST', 'an expiry is announced after the row was linked'),
  run('soonest', 'BUG_UNLOCKED', 'an expiry is announced without the lock'),
  run('soonest', 'BUG_DUE_ALONE', 'an expiry is not announced to the pass under way'),
  run('soonest', 'BUG_LOCKED_IGNORED', 'a pass relies on what it sees of a locked bucket'),
  run('soonest', 'BUG_CLEAR_FIRST', 'a pass discards what the previous pass had collected'),
  run('soonest', 'BUG_NO_LEASE', 'two passes examine one group at once'),
  run('soonest', 'BUG_DUE_FIRST', 'a reader reads what the pass has collected last', false),
  run('wait', 'BUG_MARK_LOST', 'a waiter that has slept takes the lock without the mark'),
];
