import type { WordIndex } from '../layout/units.js';
import type { RowCodec } from '../row-codec.js';
import type { TableContext } from '../table-context.js';
import type { Key } from './encode-key.js';
import type { Chain } from './find.js';

/** Looks up a key. `ERR_KEY_INVALID`, `ERR_TABLE_CLOSED`, `ERR_TABLE_CORRUPT`. O(1). */
export type Lookup<T> = (key: string) => T | undefined;

/** What one lookup reads from a row, and what it does outside the fast path. */
export interface LookupParts<T> {
  /** Bytes that mark rows as used; undefined in a table that does not evict, and for handles that may not write. */
  readonly uses: Uint8Array | undefined;
  readonly read: (row: WordIndex) => T;
  readonly assertOpen: () => void;
  readonly lookupByRow: (home: WordIndex) => T | undefined;
  readonly corrupt: (home: WordIndex) => never;
}

/** Creates the fast path of reading, which neither locks nor waits: see `Reader`. */
export function makeLookup<T>(
  { memory, addresses, clock, constants, runtime }: TableContext,
  key: Key,
  { find }: Chain,
  damage: RowCodec['damage'],
  parts: LookupParts<T>,
): Lookup<T> {
  /** Attempts to read a chain at an unchanged version before it is searched row by row. */
  const PASSES = 3;
  const { uses, read, assertOpen, lookupByRow, corrupt } = parts;
  const { words, doubles } = memory;
  const { loadAcquire, loadAfter } = runtime;
  const { BUCKET_WORDS, DAMAGED, VERSION } = constants.bucket;
  const { ROW_EXPIRES_AT } = constants.row;
  const { READY, STATE } = constants.segment;
  const { index, bucketScale, rows, rowWords } = addresses;

  const lookup = (text: string): T | undefined => {
    if (words[STATE] !== READY) assertOpen();
    key.encode(text);
    const home = (index + (((key.hash >>> 0) * bucketScale) >>> 0) * BUCKET_WORDS) as WordIndex;
    for (let pass = 0; pass < PASSES; pass++) {
      const version = loadAcquire(words, home + VERSION);
      const row = find(home);
      let value: T | undefined;
      if (row > 0) {
        const at = (rows + row * rowWords) as WordIndex;
        const expiresAt = doubles[(at + ROW_EXPIRES_AT) >>> 1];
        if (expiresAt === 0 || !clock.isPast(expiresAt)) value = read(at);
      }
      if (loadAfter(words, home + VERSION) === version) {
        if (row === DAMAGED || damage.found) {
          if (pass > 0) corrupt(home);
          // A read that was interrupted, for example by the timeout of a `vm` script, may have left it set.
          damage.found = false;
          continue;
        }
        // A reader's only store: one byte, in a table that evicts, if it is clear.
        if (uses !== undefined && value !== undefined && uses[row] === 0) uses[row] = 1;
        return value;
      }
      damage.found = false;
    }
    return lookupByRow(home);
  };
  return lookup;
}
