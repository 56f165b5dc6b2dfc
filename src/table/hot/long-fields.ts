import type { WordIndex } from '../layout/units.js';
import type { TableContext } from '../table-context.js';
import type { Heap } from './heap.js';

/**
 * The fields of long columns, by word and by position among the long columns. An invalid value sets `damage.found` and
 * reads as the zero value. Memory for a value is allocated only after its chain has confirmed the length.
 */
export interface LongFields {
  readonly readText: (field: number, index: number) => string;
  readonly readBlob: (field: number, index: number) => Uint8Array;
  readonly readJson: (field: number, index: number) => unknown;
  /**
   * Writes a value that fits in the row, and remembers a longer one for `store`. False when it has the wrong type, is
   * not well-formed, or is too long.
   */
  readonly writeText: (field: number, index: number, value: unknown) => boolean;
  readonly writeBlob: (field: number, index: number, value: unknown) => boolean;
  /** Takes what `stringify` returned. */
  readonly writeJson: (field: number, index: number, text: unknown) => boolean;
  /** The JSON text of a value, '' for null. `ERR_COLUMN_TYPE`, `ERR_VALUE_TOO_LONG`. May run the caller's code. */
  readonly stringify: (index: number, value: unknown) => string;
  readonly clear: (field: number) => void;
  /**
   * Gives the spare's field `to` the value of the linked row's field `from`, and records in KEPT that both name its
   * chain.
   */
  readonly keep: (from: number, to: number, index: number) => void;
}

/** The bytes of a long value, for code that stores or sends them unchanged. */
export interface LongBytes {
  /** A copy; undefined when the field is invalid, or `shouldContinue` has returned false. */
  readonly copyOf: (field: number, index: number, shouldContinue?: () => boolean) => Uint8Array | undefined;
  /** `write…` for bytes that are known to be valid. */
  readonly writeCopy: (field: number, index: number, bytes: Uint8Array) => boolean;
}

/** The steps by which the writer stores the long values of a row. */
interface LongWrites {
  /** The journal in which `keep` sets the bits of KEPT. */
  journal: WordIndex;
  /** Forgets what an earlier write remembered. */
  readonly begin: () => void;
  /** Blocks that the remembered values need. */
  readonly blocksNeeded: () => number;
  /** Stores the remembered values in blocks; false when there is no free block. A further call continues. */
  readonly store: (id: number) => boolean;
  /** Makes `store` begin again, after the spare's chains were freed. */
  readonly restart: () => void;
}

export type HeapFields = LongFields & LongBytes & LongWrites;

/** The long columns, by position, and the functions that they need from the runtime. */
export interface LongSupport {
  readonly inlineBytes: readonly number[];
  readonly maxBytes: readonly number[];
  /** The table's memory, but not as a Buffer: `slice` then returns a plain Uint8Array with its own memory. */
  readonly octets: Uint8Array;
  /** Set when an invalid value was read; shared with the columns of other types. */
  readonly damage: { found: boolean };
  /** Decodes UTF-8 in the table's memory: `length` bytes from byte `start`. */
  readonly decode: (start: number, length: number) => string;
  readonly writeEncoded: (start: number, value: string, bytes: number, encoding: 'latin1' | 'utf8') => void;
  /** Bytes of a string in UTF-8; -1 for anything that is not a string or not well-formed. */
  readonly textBytes: (value: unknown) => number;
  /** See `FieldSupport`. */
  readonly bytesOf: (value: unknown) => Uint8Array | undefined;
  readonly isAscii: (bytes: Uint8Array) => boolean;
  readonly stringify: (index: number, value: unknown) => string;
}

/** Creates access to the long fields of a table's rows. */
export function makeLongFields(
  { memory, addresses, constants, runtime }: TableContext,
  heap: Heap,
  support: LongSupport,
): HeapFields {
  // The buffer for values in several runs of blocks is kept only up to this size.
  const MAX_SCRATCH_BYTES = 1 << 20;
  // Bytes copied before checking again whether to continue.
  const PIECE_BYTES = 65_536;
  const { words, bytes } = memory;
  const { SHORT } = runtime;
  const { slot } = constants;
  const { ASCII, BLOCK_NEXT, BLOCK_TABLE_WORDS, FIELD_FIRST, FIELD_INLINE, FIELD_LENGTH, LENGTH_MASK } = constants.heap;
  const { inlineBytes, maxBytes, octets, damage, decode, writeEncoded, textBytes, bytesOf, isAscii } = support;
  const { blocks = 0, blockBytes = 0 } = memory.layout.heap ?? {};
  const { beginClaims, blocksFor, chain, claimChain, endClaims } = heap;
  const runs = chain.blocks;
  const table = addresses.heapTable;
  const payload = addresses.heapPayload * 4;
  const nothing = new Uint8Array(0);
  let scratch = Buffer.alloc(0);

  // ---- reading ----

  // The runs of the chain that was walked last: first block and number of blocks of each.
  const found: number[] = [];
  let foundLength = 0;

  // Walks a chain that must have `count` blocks.
  const walk = (first: number, count: number): boolean => {
    foundLength = 0;
    // Otherwise a circular chain would be walked for as long as a damaged length says.
    if (count > blocks) return false;
    let block = first;
    for (let met = 0; met < count; ) {
      if (block <= 0 || block > blocks) return false;
      const begin = block;
      let next = words[table + block * BLOCK_TABLE_WORDS + BLOCK_NEXT];
      met++;
      while (next === block + 1 && met < count && next <= blocks) {
        block = next;
        next = words[table + block * BLOCK_TABLE_WORDS + BLOCK_NEXT];
        met++;
      }
      found[foundLength] = begin;
      found[foundLength + 1] = block - begin + 1;
      foundLength += 2;
      block = next;
    }
    return block === 0;
  };

  const placeOf = (block: number): number => payload + block * blockBytes;

  const scratchFor = (length: number): Buffer => {
    if (length > MAX_SCRATCH_BYTES) return Buffer.allocUnsafeSlow(length);
    if (scratch.length < length) scratch = Buffer.allocUnsafeSlow(Math.max(length, 2 * scratch.length));
    return scratch;
  };

  // Copies the runs that were walked last.
  const gather = (target: Uint8Array, length: number, shouldContinue?: () => boolean): boolean => {
    let done = 0;
    for (let i = 0; i < foundLength; i += 2) {
      let at = placeOf(found[i]);
      const end = done + Math.min(length - done, found[i + 1] * blockBytes);
      while (done < end) {
        if (done > 0 && shouldContinue !== undefined && !shouldContinue()) return false;
        const piece = shouldContinue === undefined ? end - done : Math.min(end - done, PIECE_BYTES);
        target.set(bytes.subarray(at, at + piece), done);
        at += piece;
        done += piece;
      }
    }
    return true;
  };

  const hasDamage = (): void => {
    damage.found = true;
  };

  const decodeAt = (start: number, length: number, isLatin: boolean): string =>
    isLatin && length > SHORT ? bytes.toString('latin1', start, start + length) : decode(start, length);

  const readText = (field: number, index: number): string => {
    const word = words[field + FIELD_LENGTH];
    if (word === 0) return '';
    const length = word & LENGTH_MASK;
    const first = words[field + FIELD_FIRST];
    if (first === 0) {
      if (length <= inlineBytes[index]) return decodeAt((field + FIELD_INLINE) * 4, length, word < 0);
    } else if (length > inlineBytes[index] && length <= maxBytes[index]) {
      const count = blocksFor(length);
      if (count === 1 && first > 0 && first <= blocks) return decodeAt(placeOf(first), length, word < 0);
      if (walk(first, count)) {
        if (foundLength === 2) return decodeAt(placeOf(first), length, word < 0);
        const gathered = scratchFor(length);
        gather(gathered, length);
        return gathered.toString(word < 0 ? 'latin1' : 'utf8', 0, length);
      }
    }
    hasDamage();
    return '';
  };

  const copyOf = (field: number, index: number, shouldContinue?: () => boolean): Uint8Array | undefined => {
    const length = words[field + FIELD_LENGTH] & LENGTH_MASK;
    const first = words[field + FIELD_FIRST];
    if (first === 0) {
      if (length > inlineBytes[index]) return undefined;
      const start = (field + FIELD_INLINE) * 4;
      return octets.slice(start, start + length);
    }
    if (length <= inlineBytes[index] || length > maxBytes[index] || !walk(first, blocksFor(length))) return undefined;
    if (foundLength === 2 && shouldContinue === undefined) {
      return octets.slice(placeOf(first), placeOf(first) + length);
    }
    const copy = new Uint8Array(length);
    return gather(copy, length, shouldContinue) ? copy : undefined;
  };

  const readBlob = (field: number, index: number): Uint8Array => {
    if (words[field + FIELD_LENGTH] === 0) return new Uint8Array(0);
    const copy = copyOf(field, index);
    if (copy !== undefined) return copy;
    hasDamage();
    return nothing;
  };

  const readJson = (field: number, index: number): unknown => {
    if (words[field + FIELD_LENGTH] === 0) return null;
    const text = readText(field, index);
    try {
      return JSON.parse(text);
    } catch {
      hasDamage();
      return null;
    }
  };

  // ---- writing ----

  // Long values of the row that is being written: their fields, and what to store.
  const pendingFields: number[] = [];
  const pendingValues: (string | Uint8Array | undefined)[] = [];
  let pending = 0;
  let needed = 0;
  let stored = 0;

  const remember = (field: number, value: string | Uint8Array, length: number): void => {
    pendingFields[pending] = field;
    pendingValues[pending++] = value;
    needed += blocksFor(length);
  };

  // Does not keep the caller's values alive.
  const forget = (): void => {
    for (let i = 0; i < pending; i++) pendingValues[i] = undefined;
    pending = 0;
  };

  const writeText = (field: number, index: number, value: unknown): boolean => {
    const length = textBytes(value);
    if (length < 0 || length > maxBytes[index]) return false;
    const text = value as string;
    const isLatin = length === text.length;
    words[field + FIELD_LENGTH] = isLatin && length > 0 ? length | ASCII : length;
    if (length > inlineBytes[index]) remember(field, text, length);
    else if (length > 0) writeEncoded((field + FIELD_INLINE) * 4, text, length, isLatin ? 'latin1' : 'utf8');
    return true;
  };

  const writeBlob = (field: number, index: number, value: unknown): boolean => {
    const given = bytesOf(value);
    if (given === undefined) return false;
    const length = given.length;
    if (length > maxBytes[index]) return false;
    words[field + FIELD_LENGTH] = length;
    if (length > inlineBytes[index]) remember(field, given, length);
    else bytes.set(given, (field + FIELD_INLINE) * 4);
    return true;
  };

  const writeCopy = (field: number, index: number, given: Uint8Array): boolean => {
    if (!writeBlob(field, index, given)) return false;
    if (given.length > 0 && isAscii(given)) words[field + FIELD_LENGTH] |= ASCII;
    return true;
  };

  const scatter = (source: Uint8Array, length: number): void => {
    let done = 0;
    for (let i = 0; i < chain.length; i += 2) {
      const piece = Math.min(length - done, runs[i + 1] * blockBytes);
      bytes.set(source.subarray(done, done + piece), placeOf(runs[i]));
      done += piece;
    }
  };

  const fillBlocks = (field: number, value: string | Uint8Array): void => {
    const word = words[field + FIELD_LENGTH];
    const length = word & LENGTH_MASK;
    if (typeof value !== 'string') {
      if (chain.length === 2) bytes.set(value, placeOf(runs[0]));
      else scatter(value, length);
      return;
    }
    const encoding = word < 0 ? 'latin1' : 'utf8';
    if (chain.length === 2) {
      writeEncoded(placeOf(runs[0]), value, length, encoding);
      return;
    }
    const encoded = scratchFor(length);
    encoded.write(value, 0, length, encoding);
    scatter(encoded, length);
  };

  const longFields: HeapFields = {
    journal: 0 as WordIndex,
    readText,
    readBlob,
    readJson,
    copyOf,
    writeText,
    writeBlob,
    writeJson: writeText,
    writeCopy,
    stringify: support.stringify,

    clear(field) {
      words[field + FIELD_LENGTH] = 0;
      words[field + FIELD_FIRST] = 0;
    },

    keep(from, to, index) {
      const first = words[from + FIELD_FIRST];
      // The order matters: if the field were stored first, recovery in between would free the linked row's chain.
      if (first !== 0) words[longFields.journal + slot.KEPT + (index >>> 5)] |= 1 << (index & 31);
      words[to + FIELD_LENGTH] = words[from + FIELD_LENGTH];
      words[to + FIELD_FIRST] = first;
      if (first !== 0) return;
      const end = (inlineBytes[index] + 3) >>> 2;
      for (let i = 0; i < end; i++) words[to + FIELD_INLINE + i] = words[from + FIELD_INLINE + i];
    },

    begin() {
      // A refused write may have left remembered values.
      forget();
      needed = 0;
      stored = 0;
      beginClaims();
    },

    blocksNeeded: () => needed,

    store(id) {
      const at = longFields.journal;
      for (; stored < pending; stored++) {
        const field = pendingFields[stored] as WordIndex;
        if (!claimChain(at, id, field, blocksFor(words[field + FIELD_LENGTH] & LENGTH_MASK))) return false;
        const value = pendingValues[stored];
        if (value !== undefined) fillBlocks(field, value);
      }
      endClaims(at);
      forget();
      return true;
    },

    restart() {
      stored = 0;
      beginClaims();
    },
  };
  return longFields;
}
