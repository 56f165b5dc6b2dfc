import { randomFillSync } from 'node:crypto';
import { hasCode, ShmTableError } from '../errors.js';
import { advanceAndWake, type ByteLocks, Segment, type WatchedWord } from '../memory/index.js';
import * as layout from './cache-memory-layout.js';

const PREFIX = 'shmtable-cache:';
/** Maximum number of attempts to open or create it while others create and destroy it. */
const MAX_RACES = 1_000;

export function cacheMemoryName(namespace: string, name: string): string {
  return `${PREFIX}${namespace}:${name}`;
}

/** The mapped memory of a cache in addition to its tables: see the layout. */
export class CacheMemory {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  /** Maximum number of owners. */
  readonly owners: number;
  readonly #segment: Segment;

  private constructor(segment: Segment) {
    this.#segment = segment;
    const { buffer, name } = segment;
    this.words = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    this.doubles = new Float64Array(buffer, 0, Math.floor(buffer.byteLength / 8));
    const { words } = this;
    if (words.length * 4 < layout.HEADER_BYTES || words[layout.MAGIC] !== layout.CACHE_MAGIC) {
      throw new ShmTableError('ERR_TABLE_CORRUPT', `segment "${name}" is not the memory of a cache`);
    }
    if (words[layout.VERSION] !== layout.CACHE_VERSION) {
      throw new ShmTableError(
        'ERR_LAYOUT_VERSION',
        `segment "${name}" has layout ${words[layout.VERSION]}, this version of shmtable has ${layout.CACHE_VERSION}`,
      );
    }
    this.owners = words[layout.OWNERS];
    if (!(this.owners > 0) || layout.cacheMemoryBytes(this.owners) > buffer.byteLength) {
      throw new ShmTableError('ERR_TABLE_CORRUPT', `segment "${name}" has room for fewer than ${this.owners} owners`);
    }
  }

  /** Opens it, or creates it for `owners` handles, without races between processes. */
  static openOrCreate(name: string, owners: number): CacheMemory {
    for (let races = 0; races < MAX_RACES; races++) {
      const found = CacheMemory.#openIfThere(name) ?? CacheMemory.#createIfMissing(name, owners);
      if (found !== undefined) return found;
    }
    throw new ShmTableError('ERR_TABLE_CORRUPT', `segment "${name}" can be neither opened nor created`);
  }

  /** Removes it by name; does nothing if it does not exist. */
  static remove(name: string): void {
    const memory = CacheMemory.#openIfThere(name);
    memory?.destroy();
    memory?.close();
  }

  static exists(name: string): boolean {
    const memory = CacheMemory.#openIfThere(name);
    memory?.close();
    return memory !== undefined;
  }

  static #openIfThere(name: string): CacheMemory | undefined {
    let segment: Segment;
    try {
      segment = Segment.open({ name });
    } catch (error) {
      if (hasCode(error, 'ERR_SEGMENT_NOT_FOUND')) return undefined;
      throw error;
    }
    try {
      const memory = new CacheMemory(segment);
      if (!memory.isDestroyed) return memory;
      // The process that destroyed it was killed before it could remove the name.
      segment.unlink();
      segment.close();
      return undefined;
    } catch (error) {
      segment.close();
      throw error;
    }
  }

  static #createIfMissing(name: string, owners: number): CacheMemory | undefined {
    try {
      const segment = Segment.create({ name, size: layout.cacheMemoryBytes(owners) }, ({ buffer }) => {
        const words = new Int32Array(buffer);
        words[layout.VERSION] = layout.CACHE_VERSION;
        words[layout.OWNERS] = owners;
        words[layout.MAGIC] = layout.CACHE_MAGIC;
        randomFillSync(new Uint8Array(buffer, layout.tagsWord(owners) * 4));
      });
      return new CacheMemory(segment);
    } catch (error) {
      if (hasCode(error, 'ERR_SEGMENT_EXISTS')) return undefined;
      throw error;
    }
  }

  get bytes(): number {
    return this.words.length * 4;
  }

  get isDestroyed(): boolean {
    return Atomics.load(this.words, layout.STATE) === layout.DESTROYED;
  }

  /** How often an owner has ended. */
  get ends(): number {
    return Atomics.load(this.words, layout.ENDS);
  }

  get wakeCount(): number {
    return Atomics.load(this.words, layout.WAKE);
  }

  /** The word that waiting threads sleep on. */
  get watchedWord(): WatchedWord {
    return { words: this.words, word: layout.WAKE, sleepers: layout.SLEEPERS };
  }

  /** Wakes the threads that wait for loads. */
  wake(): void {
    advanceAndWake(this.words, layout.WAKE, layout.SLEEPERS);
  }

  /** Notifies the waiting threads that an owner has ended. */
  announceEnd(): void {
    Atomics.add(this.words, layout.ENDS, 1);
    this.wake();
  }

  /** Byte locks for one owner, which the caller must close: see `Owner`. */
  openByteLocks(): ByteLocks {
    return this.#segment.openByteLocks();
  }

  /** Marks it, so that all handles throw from then on, and removes its name. */
  destroy(): void {
    Atomics.store(this.words, layout.STATE, layout.DESTROYED);
    this.wake();
    this.#segment.unlink();
  }

  close(): void {
    this.#segment.close();
  }
}
