import { ShmTableError } from '../errors.js';
import { GlobalPool } from './global-pool.js';
import * as layout from './metric-registry-layout.js';
import { align64, doublesOf, type PoolMemory, wordsOf } from './pool-memory.js';

/** The immutable data of an entry, copied to this process. */
export interface MetricEntry {
  readonly name: string;
  readonly kind: typeof layout.COUNTER | typeof layout.HISTOGRAM;
  /** Upper bounds of all buckets of a histogram except the last, ascending; none for a counter. */
  readonly bounds: readonly number[];
  /** First word of the entry. */
  readonly at: number;
}

/**
 * The list of a registry's entries and their blocks. Finds an entry or block, or creates it exactly once.
 *
 * A lookup by name reads the entries that others have added since the last one, and then a `Map`.
 */
export class MetricEntries {
  readonly pool: GlobalPool;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly #buffer: ArrayBuffer;
  /** First word of the registry's header. */
  readonly #header: number;
  readonly #known = new Map<string, MetricEntry>();
  /** The link after the last known entry. */
  #last: number;

  constructor(memory: PoolMemory, offset: number) {
    this.pool = GlobalPool.open(memory, offset + layout.HEADER_BYTES);
    this.#buffer = memory.buffer;
    this.words = wordsOf(this.#buffer);
    this.doubles = doublesOf(this.#buffer);
    this.#header = offset / 4;
    this.#last = this.#header + layout.HEADER_FIRST;
  }

  /** All entries, oldest first. */
  all(): Iterable<MetricEntry> {
    this.#follow();
    return this.#known.values();
  }

  /** Returns the entry with this name; creates it if there is none, exactly once over all processes. */
  findOrMake(name: string, kind: MetricEntry['kind'], bounds: readonly number[]): MetricEntry {
    let made = 0;
    for (;;) {
      this.#follow();
      const found = this.#known.get(name);
      if (found !== undefined) return found;
      // Another entry was linked first: link this one after it.
      if (made === 0) made = this.#write(name, kind, bounds);
      Atomics.compareExchange(this.words, this.#last, 0, made);
    }
  }

  /** Returns the first word of the entry's block for this writer; creates it if missing. Only for the writer itself. */
  blockOf(entry: MetricEntry, writer: number): number {
    for (const block of this.blocks(entry)) if (this.words[block + layout.BLOCK_WRITER] === writer) return block;
    const numbers = entry.kind === layout.COUNTER ? layout.VALUE + 1 : layout.COUNTS + entry.bounds.length + 1;
    const made = this.#alloc(align64(8 * numbers), entry.name);
    const block = this.#wordAt(made);
    const first = entry.at + layout.ENTRY_BLOCKS;
    this.words[block + layout.BLOCK_WRITER] = writer;
    for (;;) {
      const next = Atomics.load(this.words, first);
      this.words[block + layout.BLOCK_NEXT] = next;
      if (Atomics.compareExchange(this.words, first, next, made) === next) return block;
    }
  }

  /** First words of an entry's blocks. */
  *blocks(entry: MetricEntry): Generator<number> {
    let link = Atomics.load(this.words, entry.at + layout.ENTRY_BLOCKS);
    while (link !== 0) {
      const block = this.#wordAt(link);
      yield block;
      link = this.words[block + layout.BLOCK_NEXT];
    }
  }

  #follow(): void {
    for (;;) {
      const link = Atomics.load(this.words, this.#last);
      if (link === 0) return;
      const entry = this.#read(this.#wordAt(link));
      this.#known.set(entry.name, entry);
      this.#last = entry.at + layout.ENTRY_NEXT;
    }
  }

  #read(at: number): MetricEntry {
    const bytes = 4 * at;
    const boundCount = this.words[at + layout.ENTRY_BOUND_COUNT];
    const bounds = Array.from(new Float64Array(this.#buffer, bytes + layout.ENTRY_BOUNDS, boundCount));
    const nameBytes = this.words[at + layout.ENTRY_NAME_BYTES];
    const name = Buffer.from(this.#buffer, bytes + layout.ENTRY_BOUNDS + 8 * boundCount, nameBytes).toString();
    const kind = this.words[at + layout.ENTRY_KIND] === layout.COUNTER ? layout.COUNTER : layout.HISTOGRAM;
    return { name, kind, bounds, at };
  }

  #write(name: string, kind: number, bounds: readonly number[]): number {
    const nameBytes = Buffer.byteLength(name);
    const nameAt = layout.ENTRY_BOUNDS + 8 * bounds.length;
    const link = this.#alloc(align64(nameAt + nameBytes), name);
    const at = this.#wordAt(link);
    this.words[at + layout.ENTRY_KIND] = kind;
    this.words[at + layout.ENTRY_NAME_BYTES] = nameBytes;
    this.words[at + layout.ENTRY_BOUND_COUNT] = bounds.length;
    this.doubles.set(bounds, at / 2 + layout.ENTRY_BOUNDS / 8);
    Buffer.from(this.#buffer, 4 * at + nameAt, nameBytes).write(name);
    return link;
  }

  /** Returns a link to that many bytes, zeroed even if another registry was destroyed there. */
  #alloc(bytes: number, name: string): number {
    const offset = this.pool.alloc(bytes);
    if (offset !== 0) {
      this.words.fill(0, offset / 4, (offset + bytes) / 4);
      return (offset - 4 * this.#header) / layout.LINK_BYTES;
    }
    const { total, spare } = this.pool.stats();
    throw new ShmTableError(
      'ERR_POOL_FULL',
      `metric ${JSON.stringify(name)} needs ${bytes} bytes; the registry has ${spare} of ${total} left`,
    );
  }

  #wordAt(link: number): number {
    return this.#header + link * (layout.LINK_BYTES / 4);
  }
}
