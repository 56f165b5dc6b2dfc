/**
 * The maximum size of bodies, by route, so that the memory and time of a request are bounded, and invalid bodies are
 * rejected early.
 */
import type { Columns } from '../../table/types.js';
import { widthInJson } from '../row-width.js';
import type { TableHandles } from '../table-handles.js';
import { BodyBudget } from './body-budget.js';
import type { JsonLimits } from './json-scanner.js';

/**
 * The kind of a body: a row or some of its columns, operations of a batch, the definition of a table, an object with few
 * members, or lines of rows.
 */
export type BodyKind = 'row' | 'batch' | 'definition' | 'small' | 'lines';

export const MAX_OPERATIONS = 10_000;

const MIB = 1024 * 1024;
const MIN_ROW_BYTES = MIB;
/** A longer row can be written in parts. */
const MAX_ROW_BYTES = 64 * MIB;
const BATCH_BYTES = 4 * MIB;
/** For the key and the expiry of a line. */
const LINE_BYTES = 4096;
const OTHER_BYTES = MIB;

/** A table has at most this many columns. */
const MAX_COLUMNS = 1024;
/** More than an operation or an increment has, so that the message can name the unknown member. */
const FEW = 32;
/** Maximum nesting of objects and arrays in a value. */
const MAX_VALUE_DEPTH = 128;

const ROW: JsonLimits = { maxDepth: 1, maxMembers: [MAX_COLUMNS] };
/** A row with its key and its expiry. */
const LINE: JsonLimits = { maxDepth: 2, maxMembers: [FEW, MAX_COLUMNS] };
const BATCH: JsonLimits = { maxDepth: 3, maxMembers: [MAX_OPERATIONS, FEW, MAX_COLUMNS] };
const STRUCTURES: Readonly<Record<'definition' | 'small', JsonLimits>> = {
  // One more column than a table may have, so that the table's own error is returned.
  definition: { maxDepth: 2, maxMembers: [FEW, MAX_COLUMNS + 1] },
  small: { maxDepth: 2, maxMembers: [FEW, FEW] },
};
const ANY: JsonLimits = { maxDepth: MAX_VALUE_DEPTH, maxMembers: [] };

export interface RouteLimits {
  readonly maxBytes: number;
  readonly structure: JsonLimits;
}

export class BodyLimits {
  readonly #handles: TableHandles;
  readonly #bodyBytes: number;
  /** Of all bodies together. */
  readonly budget: BodyBudget;

  /** @param bodyBytes the minimum limit of every route */
  constructor(handles: TableHandles, bodyBytes: number) {
    this.#handles = handles;
    this.#bodyBytes = bodyBytes;
    this.budget = new BodyBudget(bodyBytes);
  }

  /**
   * The limits of a body that is not small; if it consists of lines, of each line.
   *
   * @throws {ShmTableError} ERR_TABLE_NOT_FOUND, and what else opening a table may throw
   */
  of(kind: BodyKind | undefined, table: string): RouteLimits {
    if (kind === undefined) return this.#limits(OTHER_BYTES, ANY);
    if (kind === 'definition' || kind === 'small') return this.#limits(OTHER_BYTES, STRUCTURES[kind]);
    const columns = this.#handles.columnsOf(table);
    const rowBytes = Math.min(Math.max(MIN_ROW_BYTES, widthInJson(columns)), MAX_ROW_BYTES);
    if (kind === 'row') return this.#limits(rowBytes, withValues(ROW, columns));
    if (kind === 'lines') return this.#limits(rowBytes + LINE_BYTES, withValues(LINE, columns));
    return this.#limits(Math.max(rowBytes, BATCH_BYTES), withValues(BATCH, columns));
  }

  #limits(bytes: number, structure: JsonLimits): RouteLimits {
    return { maxBytes: Math.max(bytes, this.#bodyBytes), structure };
  }
}

/** A value that is an object or an array may have as many members as the bytes allow. */
function withValues(structure: JsonLimits, columns: Columns): JsonLimits {
  const isNested = Object.values<string>(columns).some((type) => type.startsWith('json'));
  return isNested ? { ...structure, maxDepth: structure.maxDepth + MAX_VALUE_DEPTH } : structure;
}
