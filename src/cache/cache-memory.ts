import { randomFillSync } from 'node:crypto';
import { ShmTableError } from '../errors.js';
import {
  advanceAndWake,
  type ByteLocks,
  openLiving,
  openOrCreateLiving,
  type Segment,
  type WatchedWord,
} from '../memory/index.js';
import { destroyMemory } from '../table/companions.js';
import * as header from '../table/layout/companions.js';
import * as layout from './cache-memory-layout.js';

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
    if (words.length * 4 < header.HEADER_BYTES || words[header.MAGIC] !== header.CACHE_MAGIC) {
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
    return openOrCreateLiving(
      { name, size: layout.cacheMemoryBytes(owners) },
      ({ buffer }) => {
        const words = new Int32Array(buffer);
        words[layout.VERSION] = layout.CACHE_VERSION;
        words[layout.OWNERS] = owners;
        words[header.MAGIC] = header.CACHE_MAGIC;
        randomFillSync(new Uint8Array(buffer, layout.tagsWord(owners) * 4));
      },
      (segment) => new CacheMemory(segment),
    );
  }

  /** Removes it by name; does nothing if it does not exist. */
  static remove(name: string): void {
    const memory = CacheMemory.openIfThere(name);
    memory?.destroy();
    memory?.close();
  }

  /** Notes that a table named after the cache belongs to it; must be called before that is created. */
  static noteCompanion(name: string, suffix: header.CompanionSuffix): void {
    const memory = CacheMemory.openIfThere(name);
    if (memory === undefined) return;
    Atomics.or(memory.words, header.COMPANIONS, 1 << header.SUFFIXES.indexOf(suffix));
    memory.close();
  }

  /** Opens it; undefined if it does not exist. */
  static openIfThere(name: string): CacheMemory | undefined {
    return openLiving(name, (segment) => new CacheMemory(segment));
  }

  get bytes(): number {
    return this.words.length * 4;
  }

  get isDestroyed(): boolean {
    return Atomics.load(this.words, header.STATE) === header.DESTROYED;
  }

  /** How often an owner has ended. */
  get ends(): number {
    return Atomics.load(this.words, layout.ENDS);
  }

  get wakeCount(): number {
    return Atomics.load(this.words, header.WAKE);
  }

  /** The word that waiting threads sleep on. */
  get watchedWord(): WatchedWord {
    return { words: this.words, word: header.WAKE, sleepers: header.SLEEPERS };
  }

  /** Wakes the threads that wait for loads. */
  wake(): void {
    advanceAndWake(this.words, header.WAKE, header.SLEEPERS);
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
    destroyMemory(this.#segment);
  }

  close(): void {
    this.#segment.close();
  }
}
