import { ShmTableError, show } from '../errors.js';
import type { CacheMemory } from './cache-memory.js';
import { TAG_SLOTS, tagsWord } from './cache-memory-layout.js';

/** Maximum number of tags of one entry. */
const MAX_TAGS = 128;

/*
 * A stamp records the tags of an entry, and the generation of each when the entry was created. It is ASCII text with
 * nine characters for each tag, six bits each from the highest down: the slot in three, its generation in six. Text can
 * be read from a row without creating an object.
 */
const SLOT_CHARACTERS = 3;
const TAG_CHARACTERS = 9;
const FIRST_CHARACTER = 48;

/**
 * The generations of tags. A tag has the generation of its slot, which is chosen by the tag's hash. So the memory is
 * the same for any number of tags, and two tags in one slot are invalidated together: more than requested, never less.
 */
export class Tags {
  readonly #words: Int32Array;
  readonly #at: number = 0;

  constructor(memory: CacheMemory) {
    this.#words = memory.words;
    this.#at = tagsWord(memory.owners);
  }

  /** Invalidates all existing entries with this tag. O(1). */
  invalidate(tag: string): void {
    Atomics.add(this.#words, this.#at + slotOf(tag), 1);
  }

  /** The stamp of these tags with their current generations. */
  stamp(tags: readonly string[]): string {
    let stamp = '';
    for (const tag of tags) {
      const slot = slotOf(tag);
      const generation = Atomics.load(this.#words, this.#at + slot) >>> 0;
      for (let shift = 12; shift >= 0; shift -= 6)
        stamp += String.fromCharCode(FIRST_CHARACTER + ((slot >>> shift) & 63));
      for (let shift = 30; shift >= 0; shift -= 6) {
        stamp += String.fromCharCode(FIRST_CHARACTER + ((generation >>> shift) & 63));
      }
    }
    return stamp;
  }

  /** Whether no tag of the stamp has been invalidated since. O(tags). */
  areCurrent(stamp: string): boolean {
    for (let at = 0; at < stamp.length; at += TAG_CHARACTERS) {
      let slot = 0;
      let generation = 0;
      for (let i = 0; i < SLOT_CHARACTERS; i++) slot = (slot << 6) | (stamp.charCodeAt(at + i) - FIRST_CHARACTER);
      for (let i = SLOT_CHARACTERS; i < TAG_CHARACTERS; i++) {
        generation = (generation << 6) | (stamp.charCodeAt(at + i) - FIRST_CHARACTER);
      }
      // Masked, so that a damaged slot number stays within the memory.
      if (Atomics.load(this.#words, this.#at + (slot & (TAG_SLOTS - 1))) !== generation) return false;
    }
    return true;
  }
}

/** Returns the tags. `ERR_ARGUMENT` when they are not an array of up to 128 strings. */
export function checkTags(tags: unknown): readonly string[] {
  if (!Array.isArray(tags) || tags.length > MAX_TAGS) {
    const got = Array.isArray(tags) ? `${tags.length} of them` : show(tags);
    throw new ShmTableError('ERR_ARGUMENT', `tags must be an array of at most ${MAX_TAGS} strings, got ${got}`);
  }
  return tags.length === 0 ? tags : Array.from<unknown, string>(tags, checkTag);
}

/** `ERR_ARGUMENT` when it is not a string. */
export function checkTag(tag: unknown): string {
  if (typeof tag === 'string') return tag;
  throw new ShmTableError('ERR_ARGUMENT', `a tag must be a string, got ${show(tag)}`);
}

function slotOf(tag: string): number {
  return tagHash(tag) & (TAG_SLOTS - 1);
}

/** FNV-1a over the UTF-16 units, mixed so that the low bits depend on all others. */
export function tagHash(tag: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < tag.length; i++) hash = Math.imul(hash ^ tag.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
