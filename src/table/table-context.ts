import { ShmTableError } from '../errors.js';
import {
  assertStackRoom,
  fence,
  futexWait,
  futexWake,
  loadAcquire,
  loadAfter,
  monotonicMs,
  storeRelease,
  storeReleaseByte,
} from '../memory/index.js';
import { WriteRefused } from './alter/states.js';
import { ChangeFeed } from './changes/change-feed.js';
import { refusal } from './column-types/column-types.js';
import { ExpiryGroups } from './expiry/expiry-groups.js';
import { TableClock } from './expiry/table-clock.js';
import { finishHash, SIP2, SIP3 } from './hash.js';
import { constants } from './layout/constants.js';
import type { TableMemory } from './layout/table-memory.js';
import { noteWrite, ownWrites } from './own-writes.js';
import { decodeShort, SHORT } from './short-text.js';

/** The parts of a table that its hot code uses. */
export type TableContext = ReturnType<typeof createContext>;

/** What `hot/` uses from other modules, which it must not import: see `specialize.ts`. */
export const runtime = {
  assertStackRoom,
  decodeShort,
  fence,
  finishHash,
  futexWait,
  futexWake,
  loadAcquire,
  loadAfter,
  monotonicMs,
  noteWrite,
  ownWrites,
  refusal,
  storeRelease,
  storeReleaseByte,
  SHORT,
  SIP2,
  SIP3,
};

/** Creates the context of a table in mapped memory. `name` appears in error messages. */
export function createContext(name: string, memory: TableMemory) {
  return {
    name,
    memory,
    addresses: memory.addresses,
    clock: new TableClock(memory),
    groups: new ExpiryGroups(memory),
    /** Where changes are published, for a table that has a feed. */
    feed: memory.layout.feedCells === 0 ? undefined : new ChangeFeed(memory),
    constants,
    runtime,
    refuse: (
      code: 'ERR_TABLE_CLOSED' | 'ERR_TABLE_CORRUPT' | 'ERR_TABLE_FULL' | 'ERR_VALUE_TOO_LONG',
      problem: string,
    ): never => {
      throw new ShmTableError(code, `table ${name} ${problem}`);
    },
    /** For a write that finds the table frozen or gone. */
    refuseWrite: (): never => {
      throw new WriteRefused(name);
    },
  };
}
