import { ShmTableError } from '../errors.js';
import { bootTimeMs } from '../memory/index.js';
import { TableEngine } from '../table/engine.js';
import type { Lookup } from '../table/hot/lookup.js';
import type { WordIndex } from '../table/layout/units.js';
import type { RowSource } from '../table/row-source.js';
import type { TableHandle } from '../table/table-handle.js';
import type { Columns, Row } from '../table/types.js';
import type { ReadRow } from './cluster-rows.js';
import { grantWord, PROVEN, SLOTS_WORD } from './feed-layout.js';
import type { FeedMemory } from './feed-memory.js';

/** Whether a row of this grant and slot is certainly not too old at the time `now`. */
type Trust = (grant: number, slot: number, now: number) => boolean;

/** A row of the near table as it is, trusted or not. */
interface Held {
  readonly grant: number;
  readonly slot: number;
  /** In the cluster. */
  readonly revision: number;
  /** In the near table. */
  readonly localRevision: number;
}

/** An open near table: its rows that can be trusted, in several forms, and what it holds whether trusted or not. */
export interface NearRows<C extends Columns> {
  readonly handle: TableHandle<C>;
  readonly engine: TableEngine<C>;
  readonly peek: Lookup<Row<C>>;
  readonly peekEntry: Lookup<ReadRow<C>>;
  readonly peekStored: Lookup<ReadRow<C>>;
  readonly held: Lookup<Held>;
}

export function nearRowsOf<C extends Columns>(handle: TableHandle<C>, isTrusted: Trust): NearRows<C> {
  const { reader } = handle;
  const peek = reader.lookup((source) => {
    const { grant, slot, until } = hiddenOf(source);
    const { read } = source.codec;
    return (at) => {
      const now = bootTimeMs();
      return now < until(at) && isTrusted(grant(at), slot(at), now) ? read(at) : (undefined as never);
    };
  });
  const entryReader = (isStored: boolean) => (source: RowSource<C>) => {
    const { grant, slot, revision, expires, until } = hiddenOf(source);
    const { read } = isStored ? source.codec.stored : source.codec;
    return (at: WordIndex): ReadRow<C> => {
      const now = bootTimeMs();
      if (now >= until(at) || !isTrusted(grant(at), slot(at), now)) return undefined as never;
      const end = expires(at);
      const msLeft = end === 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.ceil(end - now));
      return { row: read(at), revision: revision(at), msLeft };
    };
  };
  const peekEntry = reader.lookup(entryReader(false));
  const peekStored = reader.lookup(entryReader(true));
  const held = reader.lookup<Held>((source) => {
    const { grant, slot, revision } = hiddenOf(source);
    return (at) => ({
      grant: grant(at),
      slot: slot(at),
      revision: revision(at),
      localRevision: source.revisionAt(at),
    });
  });
  return { handle, engine: new TableEngine(handle), peek, peekEntry, peekStored, held };
}

/**
 * Creates the check whether a row of this grant and slot is, at the time `now`, certainly not older than `maxStaleMs`. Its
 * loads are in the function itself, which every read of a row calls.
 */
export function trustIn({ words, doubles }: FeedMemory, maxStaleMs: number): Trust {
  return (grant: number, slot: number, now: number): boolean => {
    // What is loaded here is valid if the row is still there afterwards: the lookup compares its bucket's version.
    if (grant === 0 || words[SLOTS_WORD + slot] !== grant) return false;
    const at = grantWord(grant);
    return words[at] === grant && now < doubles[(at >>> 1) + PROVEN] + maxStaleMs;
  };
}

/** Readers of the hidden columns of a row in place, or in a copy. */
function hiddenOf<C extends Columns>({ codec }: RowSource<C>) {
  const { $grant, $slot, $revision, $expires, $until } = codec.readers;
  if (!$grant || !$slot || !$revision || !$expires || !$until) {
    throw new ShmTableError('ERR_INTERNAL', 'the table has no hidden columns');
  }
  type Reader = (at: WordIndex) => number;
  return {
    grant: $grant as Reader,
    slot: $slot as Reader,
    revision: $revision as Reader,
    expires: $expires as Reader,
    until: $until as Reader,
  };
}
