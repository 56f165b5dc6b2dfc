import { types } from 'node:util';
import { ShmTableError, show } from '../errors.js';
import type { Writer } from './hot/write.js';
import type { Outcome } from './outcome.js';
import { watchRow } from './own-writes.js';
import { type Expectation, fulfils, parseExpected } from './precondition.js';
import { Retries } from './retries.js';
import type { TableHandle } from './table-handle.js';
import type { Columns, Expected, Row, RowInput, WriteOptions } from './types.js';
import { expiryOf, readWriteOptions } from './write-options.js';

/**
 * Writes that depend on the row's previous state: the row is read, its revision is compared when it is written, and the
 * whole sequence is repeated if the revision has changed. See `Table`.
 */
export class ConditionalWrites<C extends Columns> {
  readonly #handle: TableHandle<C>;

  constructor(handle: TableHandle<C>) {
    this.#handle = handle;
  }

  /** Whether the table has a column named `then`: a row with a `then` is no promise in that case. */
  get #hasThen(): boolean {
    return this.#handle.schema.columns.some(({ name }) => name === 'then');
  }

  compareAndSet(key: string, expected: Expected<C>, row: RowInput<C>, options: WriteOptions | undefined): boolean {
    const handle = this.#handle;
    handle.assertWritable();
    const expectation = parseExpected(expected, handle.draft);
    const given = handle.draft.copy(row);
    const { ttl } = readWriteOptions(options);
    return this.#whileExpected(key, expectation, (writer, revision) =>
      writer.write('update', key, given, expiryOf(handle.clock, { ttl }), revision),
    );
  }

  compareAndDelete(key: string, expected: Expected<C>): boolean {
    const handle = this.#handle;
    handle.assertWritable();
    const expectation = parseExpected(expected, handle.draft);
    return this.#whileExpected(key, expectation, (writer, revision) => writer.remove(key, revision));
  }

  modify(
    key: string,
    change: (row: Row<C> | undefined) => RowInput<C> | undefined,
    options: WriteOptions | undefined,
  ): Row<C> | undefined {
    const handle = this.#handle;
    const { ttl } = readWriteOptions(options);
    let retries: Retries | undefined;
    for (;;) {
      const entry = handle.entries(key);
      // The returned object is also read in here, because its getters are part of the callback's code.
      const { memory, code } = handle.parts;
      const watched = watchRow(memory, code.key.hash, () => {
        const changes = change(entry?.row);
        if (changes === undefined) return undefined;
        checkSynchronous(changes, this.#hasThen);
        return handle.draft.copy(changes);
      });
      const partial = watched.result;
      if (partial === undefined) return undefined;
      let { draft } = handle;
      const outcome = handle.write((writer, parts) => {
        draft = parts.draft;
        const expiresAt = expiryOf(parts.clock, { ttl });
        return entry === undefined
          ? writer.write('insert', key, partial, expiresAt)
          : writer.write('update', key, partial, expiresAt, entry.revision);
      });
      if (outcome === 'inserted' || outcome === 'updated') return draft.merge(entry?.row, partial);
      retries ??= this.#retries(`modify of key ${show(key)}`);
      retries.next(watched.written);
    }
  }

  /** Runs `write` with the revision of the row that fulfils the condition, until no other write has come in between. */
  #whileExpected(key: string, expected: Expectation, attempt: (writer: Writer, revision: number) => Outcome): boolean {
    const write = (revision: number): Outcome => this.#handle.write((writer) => attempt(writer, revision));
    if (expected.revision !== undefined) return isDone(write(expected.revision));
    let retries: Retries | undefined;
    for (;;) {
      const entry = this.#handle.entries(key);
      if (entry === undefined || !fulfils(entry.row, expected.values)) return false;
      const outcome = write(entry.revision);
      if (outcome !== 'mismatch') return isDone(outcome);
      retries ??= this.#retries(`a comparison with key ${show(key)}`);
      retries.next(false);
    }
  }

  #retries(what: string): Retries {
    return new Retries(`table ${this.#handle.name}: ${what}`, this.#handle.lockTimeoutMs);
  }
}

function isDone(outcome: Outcome): boolean {
  return outcome === 'updated' || outcome === 'deleted';
}

/** Rejects a promise: it has no columns, and when it is fulfilled the row may have changed. */
export function checkSynchronous(changes: object, hasThen: boolean): void {
  const isThenable = !hasThen && changes instanceof Object && 'then' in changes && typeof changes.then === 'function';
  if (!isThenable && !types.isPromise(changes)) return;
  throw new ShmTableError(
    'ERR_ARGUMENT',
    'the callback must be synchronous and return a row, got a promise: await what it needs first, then modify the row',
  );
}
