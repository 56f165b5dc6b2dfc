import { ShmTableError } from '../errors.js';
import { turn, wallTimeMs } from '../memory/index.js';
import { KeyEncoding } from '../table/key.js';
import { CONDITIONAL_OPTIONS, INCREMENT_OPTIONS } from '../table/option-names.js';
import type { Outcome } from '../table/outcome.js';
import type { RevisionCondition } from '../table/revision-condition.js';
import type { Columns, Entry, Row, RowInput } from '../table/types.js';
import { type ConditionalOptions, checkTtl, readWriteOptions } from '../table/write-options.js';
import type { ClusterNodes } from './cluster-nodes.js';
import { type Argument, type RowFields, textOf } from './row-fields.js';
import { DELETE_IF, EXPIRE, INCREMENT, READ, READ_SHORT, type Script, TAKE, WRITE } from './scripts.js';
import { slotOf } from './slots.js';

/** Options of a write that only the service and the command use are those of `TableEngine`. */
interface ClusterWriteOptions extends ConditionalOptions {
  /** What to report beside the revision: when the row expires, or that and the whole row in its stored form. */
  readonly report?: 'expiry' | 'row' | undefined;
  /** Instead of `ifRevision`. */
  readonly condition?: RevisionCondition | undefined;
}

interface ClusterWriteResult<C extends Columns> {
  readonly outcome: Outcome;
  /** Of the row as it is now, written or not; 0 when there is none. */
  readonly revision: number;
  /** Epoch milliseconds or null; undefined unless it was asked for. */
  readonly expiresAt?: number | null;
  readonly row?: Row<C>;
}

interface ClusterIncrementOptions extends ClusterWriteOptions {
  readonly ttlIfNew?: number | null | undefined;
}

interface ClusterSum {
  readonly outcome: Outcome;
  readonly value: number | bigint;
  readonly revision: number;
  readonly created: boolean;
}

/** What a row is compared with before it is written or removed: fields, see `RowFields.encodeExpected`. */
export interface EncodedExpectation {
  readonly revision?: number | undefined;
  readonly columns?: readonly Argument[] | undefined;
}

/** Milliseconds that a row has left, by the cluster; `Infinity` when it does not expire. */
export interface ReadRow<C extends Columns> {
  readonly row: Row<C>;
  readonly revision: number;
  readonly msLeft: number;
}

/** Told of every answer about a row, before the caller is. */
export interface AnswerListener {
  /** The row had this revision at its primary, now or a moment ago; undefined: it is unknown, or there is none. */
  answered(key: string, revision: number | undefined): void;
}

/** A whole number that 64 bits cannot hold even when another one is added that they can. */
const BEYOND = 2n ** 64n;

const encodingNothing: EncodedExpectation = {};

/**
 * The operations on the rows of one table in a cluster, as `TableEngine` has them for a table in shared memory: they
 * report outcome and revision. `ClusterTable` is built from them; the service and the command use them too.
 */
export class ClusterRows<C extends Columns = Columns> {
  readonly fields: RowFields<C>;
  /** What every key of the table begins with in the cluster. */
  readonly prefix: Buffer;
  readonly nodes: ClusterNodes;
  listener: AnswerListener | undefined;
  /** Writes whose outcome is unknown. */
  unknownOutcomes: number = 0;
  #underWay: number = 0;
  #whenIdle: (() => void) | undefined;
  readonly #keys: KeyEncoding;
  readonly #prefix: string;

  constructor(nodes: ClusterNodes, fields: RowFields<C>, prefix: string, maxKeyBytes: number) {
    this.nodes = nodes;
    this.fields = fields;
    this.#prefix = prefix;
    this.prefix = Buffer.from(prefix);
    this.#keys = new KeyEncoding(maxKeyBytes, [0, 0]);
  }

  /** Checks a key and returns its form in the cluster. `ERR_KEY_INVALID`. */
  wireKey(key: string): Buffer {
    if (
      typeof key !== 'string' ||
      key.length === 0 ||
      !key.isWellFormed() ||
      Buffer.byteLength(key) > this.#keys.maxBytes
    ) {
      this.#keys.refuse(key);
    }
    return Buffer.from(this.#prefix + key);
  }

  /** Runs a script on a row. Whatever comes of it, the listener learns that the row may have changed. */
  async #run(script: Script, key: string, wire: Buffer, args: readonly Argument[]): Promise<unknown> {
    this.#underWay++;
    try {
      return await this.nodes.run(script, slotOf(wire), wire, args);
    } catch (error) {
      this.#failed(key, error);
      throw error;
    } finally {
      this.#ended();
    }
  }

  #ended(): void {
    if (--this.#underWay === 0) this.#whenIdle?.();
  }

  /** Resolves when the listener has learned of all operations that are under way. */
  async idle(): Promise<void> {
    if (this.#underWay === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
    // Of an answer it learns after the end of the operation.
    await turn();
  }

  #failed(key: string, error: unknown): void {
    if (error instanceof ShmTableError && error.code === 'ERR_OUTCOME_UNKNOWN') this.unknownOutcomes++;
    this.listener?.answered(key, undefined);
  }

  /** Writes a row and reports the outcome and the revision that it then has. Throws what `Table.set` does. */
  async write(
    mode: 'set' | 'put' | 'insert' | 'update',
    key: string,
    row: RowInput<C>,
    options: ClusterWriteOptions = {},
    expected: EncodedExpectation = encodingNothing,
  ): Promise<ClusterWriteResult<C>> {
    const read = readOptions(options);
    const fields = this.fields.encode(row);
    const wire = this.wireKey(key);
    const args = [mode, lifetime(read), read.report, ...expectation(expected, read), ...fields];
    const reply = (await this.#run(WRITE, key, wire, args)) as ScriptAnswer;
    const revision = revisionIn(reply);
    this.listener?.answered(key, revision);
    return this.#result(key, reply, revision);
  }

  #result(key: string, reply: ScriptAnswer, revision: number): ClusterWriteResult<C> {
    const [outcome, , , left, row] = reply;
    const result = { outcome: String(outcome) as Outcome, revision };
    if (left === undefined) return result;
    const expiresAt = expiryIn(msLeftIn(left));
    if (row === undefined) return { ...result, expiresAt };
    const decoded = this.fields.decode(key, row, undefined, true);
    return decoded === undefined ? result : { ...result, expiresAt, row: decoded.row };
  }

  /** Adds to a number, as `Table.increment` does; 'mismatch' and 'absent' changed nothing. */
  async increment(
    key: string,
    column: string,
    by: number | bigint = 1,
    options: ClusterIncrementOptions = {},
    sign: 1 | -1 = 1,
  ): Promise<ClusterSum> {
    const read = readOptions(options, [...CONDITIONAL_OPTIONS, ...INCREMENT_OPTIONS]);
    const { ttlIfNew } = options;
    checkTtl(ttlIfNew, 'ttlIfNew');
    const addition = this.fields.addition(column);
    const checked = this.fields.addend(addition, by);
    const addend = sign === 1 ? checked : -checked;
    const wire = this.wireKey(key);
    if (typeof addend === 'bigint' && (addend >= BEYOND || addend <= -BEYOND)) {
      throw this.fields.refuseSum(addition, String(addend));
    }
    const args = [lifetime(read), read.report, ttlIfNew === undefined ? '' : lifetime({ ttl: ttlIfNew })];
    args.push(conditionText(read), column, addition.kind);
    if (typeof addend === 'bigint') {
      const half = addend / 2n;
      const fits = BigInt.asIntN(64, addend) === addend;
      for (const part of fits ? [addend] : [half, half, addend - 2n * half]) args.push(String(part));
    } else {
      args.push(textOf(addend) as string, String(addition.min), String(addition.max));
    }
    const reply = (await this.#run(INCREMENT, key, wire, args)) as ScriptAnswer;
    const revision = revisionIn(reply);
    this.listener?.answered(key, revision === 0 ? undefined : revision);
    const [outcome, , value] = reply;
    const outcomeText = String(outcome);
    if (outcomeText === 'range') {
      const text = String(value);
      throw this.fields.refuseSum(addition, typeof addend === 'bigint' ? String(BigInt(text) + addend) : text);
    }
    const changed = outcomeText === 'inserted' || outcomeText === 'updated';
    return {
      outcome: outcomeText as Outcome,
      value: changed && value !== undefined ? this.fields.sum(addition, value) : 0,
      revision,
      created: outcomeText === 'inserted',
    };
  }

  /** Removes a row, if it is as expected. */
  async remove(
    key: string,
    options: Pick<ClusterWriteOptions, 'ifRevision' | 'condition'> = {},
    expected: EncodedExpectation = encodingNothing,
  ): Promise<{ readonly outcome: Outcome; readonly revision: number }> {
    const wire = this.wireKey(key);
    if (options.ifRevision === undefined && options.condition === undefined && expected === encodingNothing) {
      const reply = await this.#unlink(key, wire);
      return { outcome: reply ? 'deleted' : 'absent', revision: 0 };
    }
    const reply = (await this.#run(DELETE_IF, key, wire, expectation(expected, options))) as ScriptAnswer;
    const outcome = String(reply[0]) as Outcome;
    this.listener?.answered(key, outcome === 'mismatch' ? revisionIn(reply) : undefined);
    return { outcome, revision: revisionIn(reply) };
  }

  async #unlink(key: string, wire: Buffer): Promise<boolean> {
    this.#underWay++;
    try {
      const reply = await this.nodes.command(slotOf(wire), ['UNLINK', wire], false);
      this.listener?.answered(key, undefined);
      return reply === 1;
    } catch (error) {
      this.#failed(key, error);
      throw error;
    } finally {
      this.#ended();
    }
  }

  /** Reads and removes a row in one step. */
  async take(key: string): Promise<Row<C> | undefined> {
    const reply = (await this.#run(TAKE, key, this.wireKey(key), [])) as Buffer[] | null;
    this.listener?.answered(key, undefined);
    return reply === null ? undefined : this.fields.decode(key, reply)?.row;
  }

  /** Sets or removes (null) a lifetime. */
  async expire(key: string, ttl: number | null): Promise<ClusterWriteResult<C>> {
    checkTtl(ttl);
    const reply = (await this.#run(EXPIRE, key, this.wireKey(key), [lifetime({ ttl })])) as ScriptAnswer;
    const revision = revisionIn(reply);
    this.listener?.answered(key, revision === 0 ? undefined : revision);
    return { outcome: String(reply[0]) as Outcome, revision };
  }

  /** Reads a row at its primary; undefined when there is none. With `columns`, only those. */
  async read(key: string, columns?: readonly string[], stored = false): Promise<ReadRow<C> | undefined> {
    for (const name of columns ?? []) this.fields.column(name);
    const found = this.decodeRead(key, await this.#run(READ, key, this.wireKey(key), columns ?? []), columns, stored);
    this.listener?.answered(key, found?.revision);
    return found;
  }

  /** The same, but only that it is `'long'` of a row whose values together have more bytes than `maxBytes`. */
  async readShort(
    key: string,
    maxBytes: number,
    columns?: readonly string[],
    stored = false,
  ): Promise<ReadRow<C> | 'long' | undefined> {
    const args = [String(maxBytes), ...(columns ?? [])];
    const reply = (await this.#run(READ_SHORT, key, this.wireKey(key), args)) as unknown[];
    if (reply.length === 1) return 'long';
    const found = this.decodeRead(key, reply, columns, stored);
    this.listener?.answered(key, found?.revision);
    return found;
  }

  /** Decodes the reply to READ. */
  decodeRead(key: string, reply: unknown, columns?: readonly string[], stored = false): ReadRow<C> | undefined {
    const [left, row] = reply as [Buffer, Buffer[]];
    const decoded = this.fields.decode(key, row, columns, stored);
    return decoded === undefined ? undefined : { ...decoded, msLeft: msLeftIn(left) };
  }

  /** Whether there is a row. */
  async has(key: string): Promise<boolean> {
    const wire = this.wireKey(key);
    const isThere = (await this.nodes.command(slotOf(wire), ['HEXISTS', wire, 'revision'], true)) === 1;
    if (!isThere) this.listener?.answered(key, undefined);
    return isThere;
  }

  /** A row with its key, in the form of `Table.entry`. */
  entryOf(key: string, { row, revision, msLeft }: ReadRow<C>): Entry<C> {
    return { key, row, revision, expiresAt: expiryIn(msLeft) };
  }
}

type ScriptAnswer = [outcome: Buffer, revision?: Buffer, value?: Buffer, msLeft?: Buffer, row?: Buffer[]];

interface Options extends ConditionalOptions {
  readonly report: '' | 'ttl' | 'row';
  readonly condition: RevisionCondition | undefined;
}

function readOptions(options: ClusterWriteOptions, known: readonly string[] = CONDITIONAL_OPTIONS): Options {
  const read = readWriteOptions(options, [...known, 'report', 'condition']);
  const { report, condition } = options;
  return { ...read, condition, report: report === undefined ? '' : report === 'row' ? 'row' : 'ttl' };
}

/** A lifetime as the scripts take it. */
function lifetime({ ttl, expiresAt }: ConditionalOptions): string {
  if (expiresAt !== undefined) return expiresAt === null ? '-1' : String(Math.max(1, expiresAt - wallTimeMs()));
  if (ttl === undefined) return '';
  return ttl === null ? '-1' : String(ttl);
}

type Wanted = Pick<ClusterWriteOptions, 'ifRevision' | 'condition'>;

function expectation({ revision, columns = [] }: EncodedExpectation, wanted: Wanted): Argument[] {
  const text = revision === undefined ? conditionText(wanted) : String(revision);
  return [text, String(columns.length / 3), ...columns];
}

/** A condition as the scripts take it (FITS). */
function conditionText({ ifRevision, condition }: Wanted): string {
  if (ifRevision !== undefined) return String(ifRevision);
  if (condition === undefined) return '';
  const { allowsNone, allowsRow, among, notAmong = [] } = condition;
  const excluded = new Set(notAmong);
  if (!allowsRow) return allowsNone ? '-' : '=,';
  if (among !== undefined) return `=${listed([...among].filter((revision) => !excluded.has(revision)))}`;
  return `${allowsNone ? '!' : '~'}${listed([...excluded])}`;
}

function listed(revisions: readonly number[]): string {
  return `,${revisions.join(',')},`;
}

function revisionIn([, revision]: ScriptAnswer): number {
  return revision === undefined ? 0 : Number(revision.toString('latin1'));
}

function msLeftIn(text: Buffer): number {
  const ms = Number(text.toString('latin1'));
  return ms < 0 ? Number.POSITIVE_INFINITY : ms;
}

function expiryIn(msLeft: number): number | null {
  return msLeft === Number.POSITIVE_INFINITY ? null : wallTimeMs() + msLeft;
}
