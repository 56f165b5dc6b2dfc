/**
 * Memory that the processes of one running service share besides its tables: metrics and events. `shmtable top` reads
 * it from outside. It is removed when the service ends; the next service removes that of a killed one.
 *
 *   | event log: RingBuffer | metrics: MetricRegistry ... |
 *
 * The primary holds the lock of byte LIFE while it lives, so that others can distinguish a running service from a dead
 * one.
 */
import { ShmTableError } from '../errors.js';
import {
  type BackendName,
  type ByteLocks,
  DEFAULT_BACKEND,
  pause,
  Segment,
  type SegmentLocation,
  TRANSIENT_BACKEND,
  wallTimeMs,
} from '../memory/index.js';
import { MetricRegistry, RingBuffer } from '../pools/index.js';
import { EventLog } from './event-log.js';

const PREFIX = 'shmtable-service:';
const EVENT_BYTES = 256 * 1024;
const METRICS_OFFSET = Math.ceil(RingBuffer.bytesFor(EVENT_BYTES) / 64) * 64;
/** Space for names and for the blocks of the first workers. */
const METRIC_BYTES = 512 * 1024;
/** Space for a worker's blocks of all metrics: requests by route, method and status, and their durations. */
const METRIC_BYTES_PER_WORKER = 64 * 1024;
/** Not used by the locks of the ring or the registry, which begin after their first byte. */
const LIFE = 0;
/** Held while a process takes a snapshot. Bytes are only numbers; this one is no offset of anything. */
const SNAPSHOTS = 2 ** 52;
const RETRY_MS = 10;

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

  /** Creates the memory of a new service; removes that of killed services in its namespace. */
  static create(namespace: string, workers: number): ServiceMemory {
    ServiceMemory.removeRemains(namespace);
    const name = `${PREFIX}${namespace}:${process.pid}-${wallTimeMs().toString(36)}`;
    return ServiceMemory.#make(DEFAULT_BACKEND, name, METRIC_BYTES + workers * METRIC_BYTES_PER_WORKER);
  }

  /** Removes the memory of killed services in a namespace. */
  static removeRemains(namespace: string): void {
    for (const name of ServiceMemory.#names(namespace)) {
      look(name, false, (segment) => isLocked(segment) || segment.unlink());
    }
  }

  /** Creates private memory for an app without a service. */
  static createPrivate(): ServiceMemory {
    const name = `${PREFIX}private:${process.pid}-${crypto.randomUUID()}`;
    const memory = ServiceMemory.#make(TRANSIENT_BACKEND, name, METRIC_BYTES + METRIC_BYTES_PER_WORKER);
    try {
      memory.#segment.unlink();
      return memory;
    } catch (error) {
      memory.close();
      throw error;
    }
  }

  /**
   * Opens the memory of a service, in a worker or, read-only, from outside.
   *
   * @throws {ShmTableError} ERR_SEGMENT_NOT_FOUND when the service has ended
   */
  static open(name: string, { readOnly = false } = {}): ServiceMemory {
    return new ServiceMemory(Segment.open({ name, readOnly }));
  }

  /** The names of the memory of all services that run in a namespace. */
  static list(namespace: string, segments: readonly SegmentLocation[] = [...Segment.find()].flat()): string[] {
    return ServiceMemory.#names(namespace, segments).filter(isAlive);
  }

  static #names(namespace: string, segments: readonly SegmentLocation[] = [...Segment.find()].flat()): string[] {
    const prefix = `${PREFIX}${namespace}:`;
    return segments.flatMap(({ name, backend }) =>
      backend === DEFAULT_BACKEND && name.startsWith(prefix) ? [name] : [],
    );
  }

  static #make(backend: BackendName, name: string, metricBytes: number): ServiceMemory {
    let memory: ServiceMemory | undefined;
    try {
      // Before the memory has a name, so that a failure leaves nothing behind.
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
    if (memory === undefined) throw new Error('a segment was created without being initialised');
    return memory;
  }

  /** Identifies the service among all that ever run in its namespace. */
  get instance(): string {
    return this.name.slice(this.name.lastIndexOf(':') + 1);
  }

  /** Process id of the primary. */
  get pid(): number {
    return Number.parseInt(this.instance, 10);
  }

  /** Whether the service still runs. */
  get isAlive(): boolean {
    return isLocked(this.#segment);
  }

  /**
   * Runs work that only one process of the service may do at a time. A process that dies meanwhile does not keep the
   * others waiting.
   */
  async takingSnapshots<T>(work: () => Promise<T>): Promise<T> {
    const locks = this.#segment.openByteLocks();
    try {
      while (!locks.tryLock(SNAPSHOTS)) await pause(RETRY_MS);
      return await work();
    } finally {
      locks.close();
    }
  }

  close(): void {
    this.events.close();
    this.metrics.close();
    this.#life?.close();
    this.#segment.close();
  }

  /** Removes its name; processes that have it open keep it. */
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

/** Returns undefined when the segment no longer exists or belongs to another user. */
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
