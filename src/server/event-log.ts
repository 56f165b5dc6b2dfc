/**
 * The latest events of a service, written by all of its processes: a ring in shared memory that drops the oldest event
 * when it is full. An event is one record of JSON.
 */
import { ShmTableError } from '../errors.js';
import { type Segment, wallTimeMs } from '../memory/index.js';
import { RingBuffer } from '../pools/index.js';

export type ServiceEvent =
  | ({ readonly type: 'slow request'; readonly durationMs: number; readonly status: number } & RequestPlace)
  | { readonly type: 'worker started'; readonly worker: number }
  | { readonly type: 'worker ended'; readonly worker: number }
  | {
      readonly type: 'worker died';
      readonly worker: number;
      readonly code: number | null;
      readonly signal: string | null;
    }
  | AlterationEvent
  | {
      readonly type: 'snapshot';
      readonly worker: number;
      readonly table: string;
      readonly rows: number;
      readonly bytes: number;
    }
  | { readonly type: 'snapshot failed'; readonly worker: number; readonly table: string; readonly reason: string }
  | { readonly type: 'recovery'; readonly worker: number; readonly table: string; readonly settled: number };

interface AlterationEvent {
  readonly type: 'alteration';
  readonly worker: number;
  readonly table: string;
  readonly rows: number;
  /** For how long writers were held. */
  readonly heldMs: number;
}

interface RequestPlace {
  readonly worker: number;
  readonly requestId: string;
  readonly method: string;
  readonly url: string;
}

export type LoggedEvent = ServiceEvent & {
  /** Increases from event to event. */
  readonly sequence: number;
  /** Time of the event, in milliseconds since the epoch. */
  readonly at: number;
};

/** Maximum number of events to drop for a new one: as many small ones as a large one needs the space of. */
const MAX_REMOVALS = 1000;

export class EventLog {
  readonly #segment: Segment;
  readonly #ring: RingBuffer;

  /** Opens an existing ring. */
  constructor(segment: Segment, offset: number) {
    this.#segment = segment;
    this.#ring = RingBuffer.open(segment, offset);
  }

  /** Adds an event. Never throws: if a stopped process prevents the write, the event is dropped. */
  add(event: ServiceEvent): void {
    const bytes = Buffer.from(JSON.stringify({ at: wallTimeMs(), ...event }));
    try {
      const offset = this.#allocate(bytes.length);
      if (offset === 0) return;
      new Uint8Array(this.#segment.buffer, offset, bytes.length).set(bytes);
      this.#ring.commit(offset);
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
    }
  }

  /** Yields the events after a sequence number, oldest first. */
  *read(after = 0): Generator<LoggedEvent> {
    for (let sequence = after; ; ) {
      const record = this.#ring.read(sequence);
      if (record === undefined) return;
      const text = Buffer.from(this.#segment.buffer, record.offset, record.bytes).toString();
      // If it was freed meanwhile, it may have been overwritten.
      if (this.#ring.read(sequence)?.sequence === record.sequence) {
        const event: Omit<LoggedEvent, 'sequence'> = JSON.parse(text);
        yield { ...event, sequence: record.sequence } as LoggedEvent;
      }
      sequence = record.sequence;
    }
  }

  close(): void {
    this.#ring.close();
  }

  /** Allocates space for an event, dropping the oldest ones; returns 0 if there is none. */
  #allocate(bytes: number): number {
    for (let removals = 0; removals < MAX_REMOVALS; removals++) {
      const offset = this.#ring.alloc(bytes);
      if (offset !== 0) return offset;
      const oldest = this.#ring.read();
      if (oldest === undefined) return 0;
      try {
        this.#ring.free(oldest.offset);
      } catch (error) {
        // Another process has dropped it.
        if (!(error instanceof ShmTableError)) throw error;
      }
    }
    return 0;
  }
}
