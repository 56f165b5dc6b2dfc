import assert from 'node:assert/strict';
import type { PoolStats, RingBuffer, RingRecord, Segment } from '../../../src/pools/index.js';
import type { Subject } from '../subject.js';
import type { PoolScene } from './kill-pool.js';
import { ringProblems } from './ring-invariants.js';

const RING_BYTES = 512;
/** A record including its header of 24 bytes: eight of these fill the ring. */
const RECORD_BYTES = 40;
const NO_RING = 'no ring';

/** An operation on a ring of 512 bytes. */
interface RingOperation {
  readonly name: string;
  /** Brings the ring into its initial state; `ghosts` are two more handles, which are closed afterwards. */
  readonly prepare?: (ring: Records, ghosts: readonly Records[]) => void;
  /** Runs completely in the process to be killed. By default it attaches the handle and settles. */
  readonly begin?: (ring: Records) => unknown;
  readonly run: (ring: Records, begun: unknown) => unknown;
  readonly storesNothing?: boolean;
  readonly between?: readonly string[];
}

/** A handle on a ring, and the contents of its records: words that encode their position. */
class Records {
  readonly ring: RingBuffer;
  readonly segment: Segment;
  readonly #RingBuffer: typeof RingBuffer;
  readonly #words: Int32Array;

  constructor({ RingBuffer }: Subject, segment: Segment) {
    this.#RingBuffer = RingBuffer;
    this.ring = RingBuffer.open(segment);
    this.segment = segment;
    this.#words = new Int32Array(segment.buffer);
  }

  /** Allocates a record and fills it; returns 0 if there is no space. */
  write(bytes: number): number {
    const offset = this.ring.alloc(bytes);
    if (offset !== 0) this.#words.fill(this.#mark(offset), offset / 4, offset / 4 + Math.floor(bytes / 4));
    return offset;
  }

  /** Writes and commits `count` records; returns their offsets. */
  add(count: number, bytes = RECORD_BYTES): number[] {
    return Array.from({ length: count }, () => {
      const offset = this.write(bytes);
      assert.notEqual(offset, 0, 'there is space for the records that the proof prepares');
      this.ring.commit(offset);
      return offset;
    });
  }

  freeAll(offsets: readonly number[]): void {
    for (const offset of offsets) this.ring.free(offset);
  }

  /**
   * Every record that a reader finds, which must be intact. Through a new handle, because this memory is reset to
   * earlier states, and handles keep state.
   */
  list(): RingRecord[] {
    return this.#inNewHandle((reader) => {
      const found: RingRecord[] = [];
      for (let record = reader.read(); record !== undefined; record = reader.read(record.sequence)) {
        const payload = this.#words.subarray(record.offset / 4, record.offset / 4 + Math.floor(record.bytes / 4));
        const mark = this.#mark(record.offset);
        assert(
          payload.every((word) => word === mark),
          `record ${record.sequence} was overwritten`,
        );
        found.push(record);
      }
      return found;
    });
  }

  stats(): PoolStats {
    return this.#inNewHandle((reader) => reader.stats());
  }

  #inNewHandle<T>(look: (ring: RingBuffer) => T): T {
    const reader = this.#RingBuffer.open(this.segment);
    try {
      return look(reader);
    } finally {
      reader.close();
    }
  }

  /** Different for each position, and never a number that occurs in a header. */
  #mark(offset: number): number {
    return 0x5a000000 + offset;
  }
}

const LEAVE_UNFINISHED = (_: Records, [, ghost]: readonly Records[]): unknown => ghost.write(RECORD_BYTES);

const operations: RingOperation[] = [
  { name: 'alloc', prepare: (ring) => ring.add(3), run: ({ ring }) => ring.alloc(RECORD_BYTES) },
  { name: 'alloc in a new ring', run: ({ ring }) => ring.alloc(RECORD_BYTES) },
  {
    name: 'alloc, write and commit',
    prepare: (ring) => ring.add(3),
    run: (ring) => ring.ring.commit(ring.write(RECORD_BYTES)),
  },
  {
    name: 'the first alloc of a handle with the id of a dead one',
    prepare: (ring, [ghost]) => [ring.add(1), ghost.write(RECORD_BYTES), ring.add(1), ghost.write(RECORD_BYTES)],
    begin: () => {},
    run: ({ ring }) => ring.alloc(RECORD_BYTES),
  },
  {
    name: 'alloc behind a filler',
    prepare: (ring) => ring.freeAll(ring.add(7).slice(0, 3)),
    run: ({ ring }) => ring.alloc(100),
  },
  {
    name: 'alloc that reclaims freed records',
    prepare: (ring) => ring.freeAll(ring.add(8).slice(0, 3)),
    run: ({ ring }) => ring.alloc(100),
  },
  {
    name: 'alloc that reclaims records of dead handles',
    prepare: (ring, ghosts) => [LEAVE_UNFINISHED(ring, ghosts), LEAVE_UNFINISHED(ring, ghosts), ring.add(6)],
    begin: () => {},
    run: ({ ring }) => ring.alloc(100),
  },
  {
    name: 'alloc that restarts an empty ring at the beginning',
    prepare: (ring) => ring.freeAll(ring.add(3)),
    run: ({ ring }) => ring.alloc(RING_BYTES - 24),
  },
  {
    name: 'alloc in a full ring',
    prepare: (ring) => ring.freeAll(ring.add(8).slice(0, 2)),
    run: ({ ring }) => ring.alloc(200),
  },
  {
    name: 'commit',
    prepare: (ring) => ring.add(2),
    begin: (ring) => ring.write(RECORD_BYTES),
    run: ({ ring }, offset) => ring.commit(Number(offset)),
  },
  {
    name: 'free before the commit',
    prepare: (ring) => ring.add(2),
    begin: (ring) => ring.write(RECORD_BYTES),
    run: ({ ring }, offset) => ring.free(Number(offset)),
  },
  {
    name: 'free the oldest record',
    prepare: (ring) => ring.add(4),
    run: ({ ring }) => ring.free(ring.read()?.offset ?? 0),
  },
  {
    name: 'free the newest record',
    prepare: (ring) => ring.add(4),
    run: ({ ring }) => ring.free(ring.read(3)?.offset ?? 0),
  },
  {
    name: 'settle',
    prepare: (ring, ghosts) => [
      ring.add(1),
      LEAVE_UNFINISHED(ring, ghosts),
      ring.add(1),
      LEAVE_UNFINISHED(ring, ghosts),
    ],
    begin: () => {},
    run: ({ ring }) => ring.settle(),
  },
  {
    name: 'read and stats',
    prepare: (ring, ghosts) => [ring.add(1), LEAVE_UNFINISHED(ring, ghosts), ring.add(2)],
    begin: () => {},
    run: (ring) => [ring.list(), ring.stats()],
    storesNothing: true,
  },
  { name: 'close', prepare: (ring) => ring.add(1), run: ({ ring }) => ring.close(), storesNothing: true },
  { name: 'destroy', prepare: (ring) => ring.add(3), run: ({ ring }) => ring.destroy() },
];

/** Every operation of a RingBuffer, to be killed. */
export function ringScenes(subject: Subject): PoolScene[] {
  const { RingBuffer } = subject;
  return [
    ...operations.map((operation) => ringScene(subject, operation)),
    ringScene(subject, {
      name: 'create over another ring',
      prepare: (ring) => ring.add(3),
      begin: () => {},
      run: ({ segment }) => RingBuffer.create(segment, { bytes: RING_BYTES }),
      between: [NO_RING],
    }),
    ringScene(subject, {
      name: 'open',
      prepare: (ring) => ring.add(3),
      begin: () => {},
      run: ({ segment }) => RingBuffer.open(segment),
      storesNothing: true,
    }),
  ];
}

function ringScene(subject: Subject, operation: RingOperation): PoolScene {
  const { RingBuffer } = subject;
  const { begin = ({ ring }) => ring.settle() } = operation;
  const open = (segment: Segment): Records => new Records(subject, segment);
  let segment: Segment;
  /** Has the first id, and examines the ring after each kill. */
  let survivor: Records;
  /** Has the second id while it is open: then the victim gets the third. */
  let occupant: Records | undefined;
  const attached = (): Records => {
    const records = open(segment);
    records.ring.settle();
    return records;
  };
  const release = (): void => {
    occupant?.ring.close();
    occupant = undefined;
  };
  const recovery = (name: string, run: (ring: RingBuffer) => unknown) => ({
    begin: (memory: Segment) => {
      const isThere = look() !== NO_RING;
      const ring = isThere ? open(memory).ring : undefined;
      return () => ring && run(ring);
    },
    name,
  });
  const look = (): string => {
    try {
      return survivor
        .list()
        .map(({ sequence, bytes }) => `${sequence}: ${bytes} bytes`)
        .join(', ');
    } catch (error) {
      if (error instanceof Error && error.message.includes('there is no RingBuffer')) return NO_RING;
      throw error;
    }
  };
  const settle = (ring: RingBuffer): unknown => ring.settle();
  const alloc = (ring: RingBuffer): unknown => ring.alloc(RECORD_BYTES);
  return {
    name: `ring: ${operation.name}`,
    bytes: RingBuffer.bytesFor(RING_BYTES),
    victim: {
      begin: (memory) => {
        const records = open(memory);
        const begun = begin(records);
        return () => operation.run(records, begun);
      },
    },
    recoveries: [
      recovery('settle with its id', settle),
      { ...recovery('settle by another', settle), arrange: release },
      recovery('alloc with its id', alloc),
      { ...recovery('alloc by another', alloc), arrange: release },
    ],
    storesNothing: operation.storesNothing,
    between: operation.between,
    prepare: (memory) => {
      segment = memory;
      RingBuffer.create(segment, { bytes: RING_BYTES }).close();
      survivor = attached();
      occupant = attached();
      const ghosts = [attached(), attached()];
      operation.prepare?.(survivor, ghosts);
      for (const { ring } of ghosts) ring.close();
    },
    arrange: () => {
      if (occupant !== undefined) return;
      if (look() === NO_RING) RingBuffer.create(segment, { bytes: RING_BYTES }).close();
      occupant = attached();
    },
    look,
    check: () => {
      if (look() === NO_RING) {
        survivor.ring.close();
        RingBuffer.create(segment, { bytes: RING_BYTES }).close();
        survivor = attached();
      }
      const heir = RingBuffer.open(segment);
      try {
        checkUse(survivor, heir);
      } finally {
        heir.close();
      }
    },
    end: () => {
      survivor?.ring.close();
      release();
    },
  };
}

/**
 * Checks that everything can be done with the ring, and that all of its memory can be allocated.
 *
 * @param heir a new handle, which gets the dead one's id
 */
function checkUse(records: Records, heir: RingBuffer): void {
  const { ring, segment } = records;
  const before = records.list();
  const offset = records.write(16);
  if (offset !== 0) ring.commit(offset);
  const now = records.list();
  assert.deepEqual(now.slice(0, before.length), before, 'the records that were committed before');
  assert.equal(now.length, before.length + (offset === 0 ? 0 : 1), 'and the record of a survivor');
  assert.deepEqual([...ringProblems(segment)], []);
  heir.settle();
  assert.deepEqual(records.list(), now, 'the same records after a new handle has taken the id of the dead one');
  ring.settle();
  records.freeAll(now.map((record) => record.offset));
  assert.deepEqual(records.stats(), { total: RING_BYTES, used: 0, spare: RING_BYTES });
  for (const user of [ring, heir]) {
    const longest = user.alloc(user.maxRecordBytes);
    assert.notEqual(longest, 0, 'the whole memory in one record');
    user.free(longest);
  }
  assert.deepEqual([...ringProblems(segment)], []);
}
