/**
 * The memory that the processes of one running service share beside its tables: what they count, and what happened.
 * `shmtable top` reads it from outside. It goes with the service; what a killed one leaves is removed by the next.
 *
 *   | event log: RingBuffer | metrics: MetricRegistry ... |
 *
 * The primary holds the byte lock of byte LIFE for as long as it lives, by which others tell a service from its remains.
 */
import { ShmTableError } from '../errors.js';
import { type ByteLocks, Segment, wallTimeMs } from '../memory/index.js';
import { MetricRegistry, RingBuffer } from '../pools/index.js';
import { EventLog } from './event-log.js';

const PREFIX = 'shmtable-service:';
const EVENT_BYTES = 256 * 1024;
const METRICS_OFFSET = Math.ceil(RingBuffer.bytesFor(EVENT_BYTES) / 64) * 64;
/** Names, and the cells of the first workers. */
const METRIC_BYTES = 512 * 1024;
/** A cell for each metric that a worker may count: requests by route, method and status, and their durations. */
const METRIC_BYTES_PER_WORKER = 64 * 1024;
/** No lock of the ring's or of the registry's: theirs begin behind their first byte. */
const LIFE = 0;

export class ServiceMemory {
  readonly name: string;
  readonly events: EventLog;
  readonly metrics: MetricRegistry;
  readonly #segment: Segment;
  readonly #life: ByteLocks | undefined;

  private constructor(segment: Segment, life?: ByteLocks) {
    this.name = segment.name;
    this.events = new EventLog(segment, 0);
    this.metrics = MetricRegistry.open(segment, METRICS_OFFSET);
    this.#segment = segment;
    this.#life = life;
  }

  /** For a service that begins; what killed ones have left in its namespace is removed. */
  static create(namespace: string, workers: number): ServiceMemory {
    ServiceMemory.removeRemains(namespace);
    const name = `${PREFIX}${namespace}:${process.pid}-${wallTimeMs().toString(36)}`;
    return ServiceMemory.#make('posix', name, METRIC_BYTES + workers * METRIC_BYTES_PER_WORKER);
  }

  /** Removes what killed services have left in a namespace. */
  static removeRemains(namespace: string): void {
    for (const name of ServiceMemory.#names(namespace)) {
      look(name, false, (segment) => isLocked(segment) || segment.unlink());
    }
  }

  /** For an app without a service: nobody else sees it. */
  static createPrivate(): ServiceMemory {
    const name = `${PREFIX}private:${process.pid}-${crypto.randomUUID()}`;
    const memory = ServiceMemory.#make('anonymous', name, METRIC_BYTES + METRIC_BYTES_PER_WORKER);
    try {
      memory.#segment.unlink();
      return memory;
    } catch (error) {
      memory.close();
      throw error;
    }
  }

  /** For a worker of the service, or, read-only, for somebody who looks at it. ERR_SEGMENT_NOT_FOUND */
  static open(name: string, { readOnly = false } = {}): ServiceMemory {
    return new ServiceMemory(Segment.open({ name, readOnly }));
  }

  /** The services that run in a namespace, by the names of their memory. */
  static list(namespace: string): string[] {
    return ServiceMemory.#names(namespace).filter(isAlive);
  }

  static #names(namespace: string): string[] {
    const prefix = `${PREFIX}${namespace}:`;
    return Segment.list().flatMap(({ name, backend }) =>
      backend === 'posix' && name.startsWith(prefix) ? [name] : [],
    );
  }

  static #make(backend: 'posix' | 'anonymous', name: string, metricBytes: number): ServiceMemory {
    let memory: ServiceMemory | undefined;
    try {
      // All of it before the memory has a name: what fails leaves nothing behind.
      Segment.create({ backend, name, size: METRICS_OFFSET + metricBytes }, (blank) => {
        RingBuffer.create(blank, { bytes: EVENT_BYTES }).close();
        MetricRegistry.create(blank, { offset: METRICS_OFFSET }).close();
        const life = blank.openByteLocks();
        life.tryLock(LIFE);
        memory = new ServiceMemory(blank, life);
      });
    } catch (error) {
      memory?.close();
      throw error;
    }
    if (memory === undefined) throw new Error('a segment was made without being initialised');
    return memory;
  }

  /** Process id of the primary. */
  get pid(): number {
    return Number.parseInt(this.name.slice(this.name.lastIndexOf(':') + 1), 10);
  }

  /** Whether the service still runs. */
  get isAlive(): boolean {
    return isLocked(this.#segment);
  }

  close(): void {
    this.events.close();
    this.metrics.close();
    this.#life?.close();
    this.#segment.close();
  }

  /** Ends it for those who look for it; whoever has it open keeps it. */
  remove(): void {
    this.#segment.unlink();
    this.close();
  }
}

function isLocked(segment: Segment): boolean {
  const locks = segment.openByteLocks();
  try {
    return locks.isLocked(LIFE);
  } finally {
    locks.close();
  }
}

function isAlive(name: string): boolean {
  return look(name, true, isLocked) ?? false;
}

/** Undefined when there is no such segment any more, or it is another user's. */
function look<T>(name: string, readOnly: boolean, at: (segment: Segment) => T): T | undefined {
  let segment: Segment;
  try {
    segment = Segment.open({ name, readOnly });
  } catch (error) {
    if (error instanceof ShmTableError) return undefined;
    throw error;
  }
  try {
    return at(segment);
  } finally {
    segment.close();
  }
}
