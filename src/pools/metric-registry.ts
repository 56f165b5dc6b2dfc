import { ShmTableError, show } from '../errors.js';
import { checkOptions, type Segment } from '../memory/index.js';
import { GlobalPool } from './global-pool.js';
import { MetricCounter, sumOf } from './metric-counter.js';
import { MetricEntries, type MetricEntry } from './metric-entries.js';
import { type Distribution, distributionOf, MetricHistogram } from './metric-histogram.js';
import { COUNTER, HEADER_BYTES, HEADER_MAGIC, HISTOGRAM, REGISTRY_MAGIC } from './metric-registry-layout.js';
import { MetricWriter } from './metric-writer.js';
import { checkOffset, type PoolStats } from './pool-memory.js';

export interface MetricRegistryOptions {
  /**
   * Size of a page, and so of the largest entry or block, in bytes: a multiple of 64, at least 1,024. Default 4,096.
   */
  readonly pageBytes?: number | undefined;
  /** Offset of the registry in the segment in bytes, a multiple of 64. Default 0. It extends to the segment's end. */
  readonly offset?: number | undefined;
}

/** The current value of a metric, over all processes. */
export type MetricValue =
  | { readonly kind: 'counter'; readonly name: string; readonly value: number }
  | ({ readonly kind: 'histogram'; readonly name: string; readonly bounds: readonly number[] } & Distribution);

const MAX_NAME_BYTES = 512;
const MIN_PAGE_BYTES = 1_024;

/**
 * Named counters and histograms, shared by all processes that have the segment open. Each is created once, at the first
 * request, and never removed; counting takes no lock, and a killed process loses no counts.
 *
 * Each handle counts in blocks of its own (a byte lock makes it their only writer), so that counting is a plain store
 * and processes do not contend for a cache line; reading adds the blocks up. A metric takes a cache line for each
 * handle that ever counted at the same time as others, a histogram as many as its buckets need.
 *
 * A name is opaque: labels are part of it, as in `requests_total{status="200"}`.
 *
 * Thread safety: several handles may be used at the same time, each by the thread that opened it. `create` and
 * `destroy` must not run concurrently with anything else: `Segment.create(options, (segment) =>
 * MetricRegistry.create(segment).close())` creates the registry before any other process can see it.
 */
export class MetricRegistry {
  readonly #segment: Segment;
  readonly #offset: number;
  readonly #entries: MetricEntries;
  readonly #counters = new Map<string, MetricCounter>();
  readonly #histograms = new Map<string, MetricHistogram>();
  #writer: MetricWriter | undefined;
  #isOpen = true;

  private constructor(segment: Segment, offset: number) {
    this.#segment = segment;
    this.#offset = offset;
    this.#entries = new MetricEntries(segment, offset);
  }

  /**
   * Creates an empty registry in zeroed memory. O(1).
   *
   * @throws {ShmTableError} ERR_ARGUMENT when an option is invalid
   * @throws {ShmTableError} ERR_POOL_FULL when the registry does not fit into the segment
   */
  static create(segment: Segment, options: MetricRegistryOptions = {}): MetricRegistry {
    checkOptions(options, ['pageBytes', 'offset']);
    const { pageBytes = 4_096, offset = 0 } = options;
    if (!Number.isInteger(pageBytes) || pageBytes < MIN_PAGE_BYTES || pageBytes % 64 !== 0) {
      throw new ShmTableError(
        'ERR_ARGUMENT',
        `pageBytes must be a multiple of 64, at least ${MIN_PAGE_BYTES}, got ${show(pageBytes)}`,
      );
    }
    checkOffset(offset);
    GlobalPool.create(segment, { pageBytes, offset: offset + HEADER_BYTES });
    const words = new Int32Array(segment.buffer, offset, HEADER_BYTES / 4).fill(0);
    Atomics.store(words, HEADER_MAGIC, REGISTRY_MAGIC);
    return new MetricRegistry(segment, offset);
  }

  /**
   * Opens the registry at an offset. O(1).
   *
   * @throws {ShmTableError} ERR_ARGUMENT when there is no registry
   */
  static open(segment: Segment, offset = 0): MetricRegistry {
    checkOffset(offset);
    const { buffer } = segment;
    if (offset + HEADER_BYTES <= buffer.byteLength) {
      const magic = Atomics.load(new Int32Array(buffer, offset, HEADER_BYTES / 4), HEADER_MAGIC);
      if (magic === REGISTRY_MAGIC) return new MetricRegistry(segment, offset);
    }
    throw new ShmTableError('ERR_ARGUMENT', `there is no MetricRegistry at offset ${offset}`);
  }

  /**
   * Returns the counter with this name; creates it if it does not exist.
   *
   * @param name 1 to 512 bytes of UTF-8
   * @throws {ShmTableError} ERR_ARGUMENT when the name is invalid or that of a histogram
   * @throws {ShmTableError} ERR_POOL_FULL when there is no space for another metric
   * @throws {ShmTableError} ERR_READ_ONLY when the segment is read-only
   * @throws {ShmTableError} ERR_TOO_MANY_PARTICIPANTS when 1,023 handles already count
   * @throws {ShmTableError} ERR_SEGMENT_NOT_FOUND when the registry is closed
   */
  counter(name: string): MetricCounter {
    const known = this.#counters.get(name);
    if (known !== undefined) return known;
    const { entry, writer } = this.#findOrMake(name, COUNTER, []);
    const counter = new MetricCounter(this.#entries, entry, writer);
    this.#counters.set(name, counter);
    return counter;
  }

  /**
   * Returns the histogram with this name; creates it if it does not exist.
   *
   * @param bounds upper bounds of all buckets except the last, which has none: finite, ascending, at least one
   * @throws {ShmTableError} ERR_ARGUMENT when name or bounds are invalid, or it exists as a counter or with other
   *   bounds; and the other errors of `counter`
   */
  histogram(name: string, bounds: readonly number[]): MetricHistogram {
    const known = this.#histograms.get(name);
    if (known !== undefined) {
      checkSame(known.name, HISTOGRAM, known.bounds, HISTOGRAM, bounds);
      return known;
    }
    checkBounds(name, bounds);
    const { entry, writer } = this.#findOrMake(name, HISTOGRAM, bounds);
    const histogram = new MetricHistogram(this.#entries, entry, writer);
    this.#histograms.set(name, histogram);
    return histogram;
  }

  /** Yields every metric with the totals of all processes, oldest first. Also works in a read-only segment. */
  *entries(): Generator<MetricValue> {
    this.#check();
    for (const entry of this.#entries.all()) {
      const { name, bounds } = entry;
      if (entry.kind === COUNTER) yield { kind: 'counter', name, value: sumOf(this.#entries, entry) };
      else yield { kind: 'histogram', name, bounds, ...distributionOf(this.#entries, entry) };
    }
  }

  /** Counts bytes for metrics and their blocks: `total`, `used`, `spare`. O(1). */
  stats(): PoolStats {
    this.#check();
    return this.#entries.pool.stats();
  }

  /** Closes this handle: its metrics throw from then on, but the counts remain. Closing twice is harmless. */
  close(): void {
    this.#isOpen = false;
    this.#writer?.close();
    this.#counters.clear();
    this.#histograms.clear();
  }

  /** Invalidates the registry, so that `open` no longer finds it, and closes this handle. */
  destroy(): void {
    this.#check();
    Atomics.store(this.#entries.words, this.#offset / 4 + HEADER_MAGIC, 0);
    this.#entries.pool.destroy();
    this.close();
  }

  #findOrMake(
    name: string,
    kind: MetricEntry['kind'],
    bounds: readonly number[],
  ): { entry: MetricEntry; writer: MetricWriter } {
    this.#check();
    checkName(name);
    if (this.#segment.readOnly) {
      throw new ShmTableError(
        'ERR_READ_ONLY',
        `metric ${JSON.stringify(name)} cannot be counted in a read-only segment`,
      );
    }
    this.#writer ??= MetricWriter.attach(this.#segment, this.#offset);
    const entry = this.#entries.findOrMake(name, kind, bounds);
    checkSame(name, entry.kind, entry.bounds, kind, bounds);
    return { entry, writer: this.#writer };
  }

  #check(): void {
    if (!this.#isOpen) throw new ShmTableError('ERR_SEGMENT_NOT_FOUND', 'the metric registry is closed');
  }
}

function checkName(name: unknown): void {
  const bytes = typeof name === 'string' ? Buffer.from(name) : undefined;
  if (bytes === undefined || bytes.length < 1 || bytes.length > MAX_NAME_BYTES || bytes.toString() !== name) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `the name of a metric must be 1 to ${MAX_NAME_BYTES} bytes of well-formed UTF-8, got ${show(name)}`,
    );
  }
}

function checkBounds(name: string, bounds: readonly unknown[]): void {
  const ascending =
    Array.isArray(bounds) &&
    bounds.length > 0 &&
    bounds.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > bounds[i - 1]));
  if (ascending) return;
  throw new ShmTableError(
    'ERR_ARGUMENT',
    `the bounds of histogram ${show(name)} must be finite ascending numbers, at least one, got [${bounds}]`,
  );
}

function checkSame(
  name: string,
  kind: number,
  bounds: readonly number[],
  otherKind: number,
  otherBounds: readonly number[],
): void {
  const isSame = kind === otherKind && `${bounds}` === `${otherBounds}`;
  if (isSame) return;
  throw new ShmTableError(
    'ERR_ARGUMENT',
    `metric ${show(name)} is already ${describe(kind, bounds)}, got ${describe(otherKind, otherBounds)}`,
  );
}

function describe(kind: number, bounds: readonly number[]): string {
  return kind === COUNTER ? 'a counter' : `a histogram with bounds ${bounds.join(', ')}`;
}
