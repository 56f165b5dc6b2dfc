import { hasCode, ShmTableError } from '../errors.js';
import { firstFound, Segment, SHARED_BACKENDS } from '../memory/index.js';
import { segmentName } from './list.js';
import { checkSchema, type OpenedTable } from './open.js';
import type { AttachOptions } from './options.js';
import { TableParts } from './table-parts.js';
import type { OpenOptions } from './types.js';

/*
 * The tables that this thread has open. All handles of one table share its parts: the mapping, the participant, and the
 * code that was compiled for it. The parts are released with the last handle, whether that is closed or
 * garbage-collected.
 *
 * Invariants
 * - One table is one segment, whatever its name: a table that was destroyed and created again is another one, with
 *   parts of its own, while handles of the old one may still exist. Read-only handles share parts only among
 *   themselves, because their memory really is mapped read-only.
 * - Nothing here or in the parts refers to a handle, or it would never be garbage-collected. Not even by a WeakRef:
 *   creating or dereferencing one keeps its target alive until the current job ends, and a loop that opens and closes
 *   may be one job.
 */

/** The parts of one table, and how many handles share them. */
export class SharedParts {
  readonly parts: TableParts;
  readonly #identity: string;
  #handles = 0;

  private constructor(parts: TableParts, identity: string) {
    this.parts = parts;
    this.#identity = identity;
  }

  /**
   * The parts of the table that these options name, if this thread has it open: nothing is mapped again. Also undefined
   * for a table that was destroyed, or whose name is gone. `ERR_SCHEMA_MISMATCH`, and what opening the segment throws.
   */
  static find(attach: AttachOptions, wanted: OpenOptions): SharedParts | undefined {
    // Then the first `open` need not look up what the name refers to.
    if (![...openHere.values()].some(({ parts }) => mayBe(parts, attach))) return undefined;
    const identity = identify(attach);
    const shared = identity === undefined ? undefined : openHere.get(keyOf(identity, attach.readOnly));
    if (shared === undefined || shared.parts.isClosed || shared.parts.hasMoved) return undefined;
    checkSchema(attach.name, shared.parts.memory.layout.schema, wanted);
    return shared;
  }

  /**
   * The parts of a segment that was just opened: existing ones, whose segment is then used instead of this one, or new
   * ones, which attach. `ERR_TOO_MANY_PARTICIPANTS`.
   */
  static of(opened: OpenedTable, attach: AttachOptions): SharedParts {
    const { segment } = opened;
    const key = keyOf(segment.identity, segment.readOnly);
    const found = openHere.get(key);
    if (found === undefined) return new SharedParts(new TableParts(opened, attach), key);
    segment.close();
    return found;
  }

  /** Keeps the parts until `handle` releases them or is garbage-collected. */
  hold(handle: object): void {
    openHere.set(this.#identity, this);
    this.#handles++;
    dropped.register(handle, this, handle);
  }

  /**
   * Detaches if `handle` was the last one; called once per handle. `ERR_TABLE_CORRUPT`, thrown only after detaching.
   */
  release(handle: object): void {
    dropped.unregister(handle);
    this.#release();
  }

  /** Detaches if nothing holds these parts, for parts that turned out to be of another table. */
  closeUnheld(): void {
    if (this.#handles === 0) this.parts.close();
  }

  /** For a handle that was garbage-collected without `close`. */
  forget(): void {
    try {
      this.#release();
    } catch (error) {
      // The table is damaged. Nobody could catch the error here; the operations that use the damaged part throw one.
      if (!(error instanceof ShmTableError)) throw error;
    }
  }

  #release(): void {
    if (--this.#handles > 0) return;
    openHere.delete(this.#identity);
    this.parts.close();
  }
}

const openHere = new Map<string, SharedParts>();

const dropped = new FinalizationRegistry<SharedParts>((shared) => shared.forget());

function keyOf(identity: string, readOnly: boolean): string {
  return readOnly ? `${identity} read-only` : identity;
}

function mayBe({ segment }: TableParts, { namespace, name, readOnly }: AttachOptions): boolean {
  return segment.readOnly === readOnly && segment.name === segmentName(namespace, name);
}

function identify({ backend, namespace, name, path, readOnly }: AttachOptions): string | undefined {
  const options = { name: segmentName(namespace, name), path, readOnly };
  try {
    if (backend !== 'auto') return Segment.identify({ ...options, backend });
    return firstFound(SHARED_BACKENDS, (found) => Segment.identify({ ...options, backend: found }));
  } catch (error) {
    if (hasCode(error, 'ERR_SEGMENT_NOT_FOUND')) return undefined;
    throw error;
  }
}
