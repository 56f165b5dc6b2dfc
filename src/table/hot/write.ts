import type { BucketNumber, OverflowNumber, RowNumber, WordIndex } from '../layout/units.js';
import type { Outcome } from '../outcome.js';
import type { RowCodec } from '../row-codec.js';
import type { TableContext } from '../table-context.js';
import type { Accumulator } from './add-to-column.js';
import type { Key } from './encode-key.js';
import type { Chain } from './find.js';
import type { Heap } from './heap.js';
import type { HeapFields } from './long-fields.js';
import type { Redo } from './redo.js';
import type { Removal, RemovalSteps, WritingParticipant } from './remove.js';

/** What a write does when it finds the row, and when it does not. */
export type WriteMode = 'set' | 'put' | 'insert' | 'update';

/** An increment that writes a whole row, because the row is new or its expiry changes too. */
interface Increment {
  readonly column: Accumulator;
  readonly by: number | bigint;
  /** Expiry of a row that this write creates (table time, 0 never); undefined: the write's own expiry. */
  readonly expiresIfNew: number | undefined;
}

/**
 * Every change of the table. All of them follow the same steps:
 *
 *   1. the caller's input is read once, checked and encoded into the participant's spare row, and long values into
 *      blocks that the spare names; nothing shared has changed yet, and none of the caller's code runs after this
 *   2. the journal names the bucket, then the bucket's lock is taken
 *   3. under the lock the row is looked up, columns that were not named are copied, and the revision is set: copied
 *      before the lock, they would lose a concurrent increment
 *   4. the journal is completed with final values and carried out; one store of a row number makes the change visible
 *   5. the lock is released, what was left over is freed, and only then is the journal cleared. Chains of blocks are
 *      freed after the version has advanced: a reader that finds the version unchanged must have read them intact
 *
 * If it is interrupted anywhere, by an error thrown under the lock or by the end of the thread, `Participant.settle`
 * completes or undoes it: that is what every `finally` below is for.
 */
export interface Writer extends Removal {
  /** Expiry (table time, 0 never) of the row after the last write. */
  expiresAt: number;
  /** Value after the last increment. */
  value: number | bigint;
  /** Whether rows are evicted when the table or its heap is full. */
  evicts: boolean;
  /** Called when the table is full; returns whether it freed anything, so that another attempt is worthwhile. */
  makeRoom: () => boolean;
  /**
   * Called when the heap has no free block; returns whether it freed any. Rows whose hash is `except` are not evicted.
   */
  makeHeapRoom: (except: number) => boolean;
  /** Blocks of all rows together. */
  usedBlocks: () => number;
  /**
   * Writes a row. `expiresAt` is table time, 0 for never; undefined keeps the row's own. With `ifRevision` the outcome
   * is 'mismatch' unless the row has this revision. `ERR_TABLE_FULL`, `ERR_LOCK_TIMEOUT`, and the errors of the codec
   * and the key.
   */
  readonly write: (
    mode: WriteMode,
    key: string,
    input: object,
    expiresAt: number | undefined,
    ifRevision?: number,
  ) => Outcome;
  /** Writes a row. `fill`, given the first word of the spare, writes all of its columns and nothing else. */
  readonly load: (key: string, fill: (row: WordIndex) => void, expiresAt: number) => Outcome;
  /**
   * Adds `by` to a number, creating the row if it does not exist. The result is in `value`. Done in place unless
   * `expiresAt` is given. `ttlIfNew` is the lifetime of a row that this creates, instead of `expiresAt`.
   */
  readonly increment: (
    key: string,
    column: Accumulator,
    by: number | bigint,
    expiresAt: number | undefined,
    ifRevision?: number,
    ttlIfNew?: number | null,
  ) => Outcome;
  /** Sets a row's expiry (table time, 0 never). */
  readonly expire: (key: string, expiresAt: number) => Outcome;
}

/** What a writer works with. */
export interface WriterParts {
  readonly participant: WritingParticipant;
  readonly codec: RowCodec;
  readonly key: Key;
  readonly chain: Chain;
  readonly redo: Redo;
  readonly removal: RemovalSteps;
  /** Undefined for a table without long columns, as `fields`. */
  readonly heap: Heap | undefined;
  readonly fields: HeapFields | undefined;
}

/** Creates the writer of a participant. */
export function makeWriter(context: TableContext, parts: WriterParts): Writer {
  // How often room is made for one new row before the table is reported as full.
  const MAX_ROUNDS = 100;
  // How long a table that evicts continues to try after that, in milliseconds.
  const PATIENCE_MS = 1000;
  // Bounds of the wait for blocks that others hold, in milliseconds.
  const MIN_WAIT_MS = 0.1;
  const MAX_WAIT_MS = 1;
  const { memory, addresses, clock, groups, constants, runtime, refuse, refuseWrite } = context;
  const { participant, codec, key, chain, heap, fields } = parts;
  const { at, id, locking } = participant;
  const { beginAtKey, hasExpired, look, noteRevision, seekTail, unlink } = parts.removal;
  const { settle, commit, end, abandon, spare, openSpare, finishRow } = locking;
  const { prepareVersion, prepareCounter } = parts.redo;
  const { find } = chain;
  const { words, doubles, uses, rows, overflow } = memory;
  const { slot, bucket, row: rowAt, segment } = constants;
  const { DAMAGED } = bucket;
  const { assertStackRoom, futexWait, loadAcquire, loadAfter, monotonicMs } = runtime;
  const { bucketScale } = addresses;
  const columnCount = memory.layout.row.columns.length;
  const { capacity } = memory.layout.schema;
  // The time until which a table that evicts keeps trying to insert a new row.
  let patientUntil = 0;

  if (heap !== undefined && fields !== undefined) {
    fields.journal = at;
    heap.lookFrom((id - 1) / memory.layout.schema.maxParticipants);
  }

  const rowWord = (row: RowNumber): WordIndex => (addresses.rows + row * addresses.rowWords) as WordIndex;

  // ---- steps ----

  const beginRow = (): WordIndex => {
    // A getter of the caller's row may have destroyed the table, closed its last handle, or followed it to another
    // segment.
    if (words[segment.STATE] !== segment.READY) refuseWrite();
    if (fields !== undefined) fields.begin();
    return openSpare();
  };

  const refusal = (mode: WriteMode, old: RowNumber | 0, ifRevision: number | undefined): Outcome | undefined => {
    if (old === 0) return mode === 'update' || ifRevision !== undefined ? 'absent' : undefined;
    if (mode === 'insert') return 'present';
    if (ifRevision !== undefined && memory.revisionAt(rowWord(old)) !== ifRevision) return 'mismatch';
    return undefined;
  };

  // Claims what a new row needs: the slice that will be the next spare and, when the chain is full, an overflow bucket.
  // False, with nothing held, when one of them is not available.
  const reserve = (home: WordIndex): boolean => {
    if (rows.claim(id, at + slot.TAKEN) === 0) {
      abandon(home);
      return false;
    }
    seekTail(home);
    if (chain.tailEntries < bucket.ENTRIES) {
      words[at + slot.PLACE] = chain.tailNumber;
      words[at + slot.POSITION] = chain.tailEntries;
      return true;
    }
    const claimed = overflow.claim(id, at + slot.OVERFLOW);
    if (claimed === 0) {
      rows.release(words[at + slot.TAKEN], id);
      abandon(home);
      return false;
    }
    const first = memory.overflowWord(claimed as OverflowNumber);
    words.fill(0, first + 1, first + bucket.BUCKET_WORDS);
    words[at + slot.BEFORE] = chain.tailNumber;
    words[at + slot.PLACE] = claimed;
    words[at + slot.POSITION] = 0;
    return true;
  };

  // Adds to a number in the spare.
  const applyIncrement = (row: WordIndex, { column, by }: Increment): void => {
    const next = column.add(row, by, row, column.offset);
    if (typeof next === 'object') throw next;
    writer.value = next;
  };

  // Completes the spare with the columns of the row that it replaces, or with zeros.
  const fillSpare = (
    home: WordIndex,
    mode: WriteMode,
    whole: boolean,
    old: RowNumber | 0,
    expiresAt: number | undefined,
    increment: Increment | undefined,
  ): void => {
    const row = rowWord(spare());
    const oldRow = old === 0 ? 0 : rowWord(old);
    if (!whole) codec.complete(row, mode === 'put' ? 0 : oldRow);
    if (increment !== undefined) applyIncrement(row, increment);
    chain.writeKey(row);
    const given =
      old === 0 && increment !== undefined && increment.expiresIfNew !== undefined ? increment.expiresIfNew : expiresAt;
    let expires = 0;
    if (given === undefined) expires = old === 0 ? 0 : doubles[(oldRow + rowAt.ROW_EXPIRES_AT) >>> 1];
    else if (given !== 0) {
      expires = given;
      groups.announce(words[at + slot.BUCKET], expires);
    }
    doubles[(row + rowAt.ROW_EXPIRES_AT) >>> 1] = expires;
    writer.expiresAt = expires;
    prepareVersion(at, home, 1);
    words[row + rowAt.ROW_REVISION] = words[at + slot.VERSION_AFTER];
    words[row + rowAt.ROW_EPOCH] = words[at + slot.EPOCH_AFTER];
    noteRevision(row);
    finishRow(row);
  };

  // What only a table with a heap needs is in separate functions, so that the others stay short enough to be inlined.
  const countBlocks = (old: RowNumber | 0): void => {
    if (heap === undefined) return;
    const before = old === 0 ? 0 : heap.blocksOf(rowWord(old));
    heap.prepareBlocks(at, heap.blocksOf(rowWord(spare())) - before);
  };

  // The old row is the spare now.
  const freeReplaced = (old: RowNumber | 0): void => {
    if (heap !== undefined && old !== 0) heap.freeSpare(at, id, rowWord(old));
  };

  const commitSpare = (home: WordIndex, old: RowNumber | 0): void => {
    if (old !== 0) {
      words[at + slot.OLD] = old;
      words[at + slot.PLACE] = chain.foundNumber;
      words[at + slot.POSITION] = chain.foundPosition;
    }
    words[at + slot.ROW] = spare();
    words[at + slot.TAG] = bucket.tagOf(key.hash);
    prepareCounter(at, old === 0 ? slot.INSERTS : slot.UPDATES);
    if (uses !== undefined) uses[spare()] = old === 0 ? 0 : 1;
    if (heap !== undefined) countBlocks(old);
    commit(home);
    if (heap !== undefined) freeReplaced(old);
    end();
    if (heap !== undefined) words[at + slot.HEAP_OPEN] = 0;
  };

  // Links the spare, whose named columns are already written, as the row of the key.
  const link = (
    mode: WriteMode,
    whole: boolean,
    expiresAt: number | undefined,
    ifRevision: number | undefined,
    increment: Increment | undefined,
  ): Outcome => {
    for (let rounds = 0; ; ) {
      const home = beginAtKey(slot.COMMIT);
      const old = look(home);
      if (old !== 0 && hasExpired(old)) {
        words[at + slot.OPERATION] = slot.REMOVE;
        unlink(home, old, slot.EXPIRATIONS);
        continue;
      }
      const refused = refusal(mode, old, ifRevision);
      if (refused !== undefined) {
        abandon(home);
        return refused;
      }
      if (old === 0 && !reserve(home)) {
        // Others may take what was freed before this writer does, but not forever. The current key stays valid
        // meanwhile: making room does not encode keys.
        if (!makeRoomAgain(++rounds)) refuse('ERR_TABLE_FULL', `holds its capacity of ${capacity} rows`);
        continue;
      }
      fillSpare(home, mode, whole, old, expiresAt, increment);
      commitSpare(home, old);
      return old === 0 ? 'inserted' : 'updated';
    }
  };

  // Whether another attempt to insert a row is worthwhile. A table that evicts can always make room, but with more
  // writers than processors, others may take every slice that this one frees. So it keeps trying for a while, but not
  // forever.
  const makeRoomAgain = (rounds: number): boolean => {
    const freed = writer.makeRoom();
    if (rounds <= MAX_ROUNDS) return freed || writer.evicts;
    if (!writer.evicts) return false;
    if (rounds === MAX_ROUNDS + 1) patientUntil = monotonicMs() + PATIENCE_MS;
    return monotonicMs() < patientUntil;
  };

  // What `read` makes of the current key's row, of 0 if there is none; undefined when the row may have changed meanwhile.
  const peek = <T>(read: (row: RowNumber | 0) => T): T | undefined => {
    const home = memory.homeWord((((key.hash >>> 0) * bucketScale) >>> 0) as BucketNumber);
    const version = loadAcquire(words, home + bucket.VERSION);
    const row = find(home);
    if (row === DAMAGED) return undefined;
    const result = read(row !== 0 && hasExpired(row) ? 0 : row);
    return loadAfter(words, home + bucket.VERSION) === version ? result : undefined;
  };

  // The outcome of a write that would be refused now. The lookup under the lock decides.
  const foresee = (mode: WriteMode, ifRevision: number | undefined): Outcome | undefined =>
    mode === 'insert' || mode === 'update' || ifRevision !== undefined
      ? peek((row) => refusal(mode, row, ifRevision))
      : undefined;

  // Blocks that cannot be freed for the value: in a table that evicts those of its own row.
  const blocksThatStay = (writing: Heap): number =>
    writer.evicts ? (peek((row) => (row === 0 ? 0 : writing.blocksOf(rowWord(row)))) ?? 0) : writer.usedBlocks();

  // Stores the long values of the spare in blocks. The outcome if there is no room for a write that would now be refused.
  // `ERR_TABLE_FULL`, `ERR_VALUE_TOO_LONG`.
  const storeLong = (
    writing: Heap,
    values: HeapFields,
    mode: WriteMode,
    ifRevision: number | undefined,
  ): Outcome | undefined => {
    const needed = values.blocksNeeded();
    if (needed === 0) return undefined;
    const { blocks = 0, blockBytes = 0 } = memory.layout.heap ?? {};
    if (needed > blocks) {
      refuse(
        'ERR_VALUE_TOO_LONG',
        `has a heap of ${blocks} blocks of ${blockBytes} bytes, and the row needs ${needed}`,
      );
    }
    assertStackRoom();
    words[at + slot.HEAP_OPEN] = 1;
    let deadline = 0;
    // So many suffice if nobody else takes the blocks: they are not waiting.
    let evictions = writer.evicts ? needed : 0;
    while (!values.store(id)) {
      // While the table is altered nothing can be freed, and then it may have another heap.
      if (loadAcquire(words, segment.STATE) !== segment.READY) refuseWrite();
      if (deadline === 0) {
        const { lockTimeoutMs } = participant.caller;
        deadline = monotonicMs() + (writer.evicts ? Math.max(lockTimeoutMs, PATIENCE_MS) : lockTimeoutMs);
      }
      if (writer.makeHeapRoom(key.hash)) {
        if (evictions-- > 0) {
          deadline = 0;
          continue;
        }
        if (monotonicMs() < deadline) continue;
      }
      if (blocksThatStay(writing) + needed > blocks || monotonicMs() >= deadline) {
        const refused = foresee(mode, ifRevision);
        if (refused !== undefined) return refused;
        refuse(
          'ERR_TABLE_FULL',
          `has a full heap: the row needs ${needed} blocks of ${blockBytes} bytes, ` +
            `${Math.max(0, blocks - writer.usedBlocks())} of ${blocks} are free`,
        );
      }
      // Others hold blocks for rows that are not linked yet, or use the rows to evict. If two writers each held half of the
      // blocks, both would wait forever, so this one first frees what it has claimed.
      writing.freeSpare(at, id, rowWord(spare()));
      values.restart();
      futexWait(words, at + slot.HEAP_OPEN, 1, MIN_WAIT_MS + Math.random() * (MAX_WAIT_MS - MIN_WAIT_MS));
    }
    return undefined;
  };

  // Stores the long values of a write. If it would be refused in the row's present state, returns its outcome instead.
  const claimLong = (mode: WriteMode, ifRevision: number | undefined): Outcome | undefined => {
    if (heap === undefined || fields === undefined || fields.blocksNeeded() === 0) return undefined;
    return foresee(mode, ifRevision) ?? storeLong(heap, fields, mode, ifRevision);
  };

  // Stores the journal's VALUE in a linked row, together with the new revision.
  const storeNumber = (home: WordIndex, row: RowNumber, offset: number, width: number): void => {
    words[at + slot.ROW] = row;
    words[at + slot.COLUMN] = offset;
    words[at + slot.WIDTH] = width;
    prepareVersion(at, home, 1);
    prepareCounter(at, slot.UPDATES);
    if (uses !== undefined) uses[row] = 1;
    commit(home);
    noteRevision(rowWord(row));
    writer.expiresAt = doubles[(rowWord(row) + rowAt.ROW_EXPIRES_AT) >>> 1];
    end();
  };

  // Returns undefined when a whole row must be written, because there is none or it has expired.
  const incrementInPlace = (
    column: Accumulator,
    by: number | bigint,
    ifRevision: number | undefined,
  ): Outcome | undefined => {
    const home = beginAtKey(slot.STORE);
    const row = look(home);
    if (row === 0 || hasExpired(row)) {
      abandon(home);
      return undefined;
    }
    const first = rowWord(row);
    if (ifRevision !== undefined && memory.revisionAt(first) !== ifRevision) {
      abandon(home);
      return 'mismatch';
    }
    const next = column.add(first, by, (at + slot.VALUE) as WordIndex, 0);
    if (typeof next === 'object') throw next;
    storeNumber(home, row, column.offset, column.width);
    writer.value = next;
    return 'updated';
  };

  // ---- operations ----

  const writer: Writer = {
    ...parts.removal.operations,
    expiresAt: 0,
    value: 0,
    evicts: uses !== undefined,
    makeRoom: () => false,
    makeHeapRoom: () => false,
    usedBlocks: () => 0,

    write(mode, text, input, expiresAt, ifRevision) {
      settle();
      const { caller } = participant;
      const named = codec.write(input, beginRow);
      // A getter of the caller's row may have written through another handle, or closed this one.
      participant.caller = caller;
      if (!caller.isOpen) refuse('ERR_TABLE_CLOSED', 'was closed while its row was read');
      key.encode(text);
      try {
        if (heap !== undefined) {
          const refused = claimLong(mode, ifRevision);
          if (refused !== undefined) return refused;
        }
        return link(mode, named === columnCount, expiresAt, ifRevision, undefined);
      } finally {
        settle();
      }
    },

    load(text, fill, expiresAt) {
      settle();
      if (fields !== undefined) fields.begin();
      fill(openSpare());
      key.encode(text);
      try {
        if (heap !== undefined && fields !== undefined) storeLong(heap, fields, 'set', undefined);
        return link('set', true, expiresAt, undefined, undefined);
      } finally {
        settle();
      }
    },

    increment(text, column, by, expiresAt, ifRevision, ttlIfNew) {
      settle();
      key.encode(text);
      try {
        const outcome = expiresAt === undefined ? incrementInPlace(column, by, ifRevision) : undefined;
        if (outcome !== undefined) return outcome;
        codec.clear(openSpare());
        let expiresIfNew: number | undefined;
        if (ttlIfNew !== undefined) expiresIfNew = ttlIfNew === null ? 0 : clock.after(ttlIfNew);
        return link('set', false, expiresAt, ifRevision, { column, by, expiresIfNew });
      } finally {
        settle();
      }
    },

    expire(text, expiresAt) {
      settle();
      key.encode(text);
      try {
        const home = beginAtKey(slot.STORE);
        const row = look(home);
        if (row === 0 || hasExpired(row)) {
          abandon(home);
          return 'absent';
        }
        if (expiresAt !== 0) groups.announce(words[at + slot.BUCKET], expiresAt);
        doubles[(at + slot.VALUE) >>> 1] = expiresAt;
        storeNumber(home, row, rowAt.ROW_EXPIRES_AT * 4, slot.STORE_DOUBLE);
        return 'updated';
      } finally {
        settle();
      }
    },
  };
  return writer;
}
