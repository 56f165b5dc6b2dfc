import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { type JsonValue, type Row, ShmTableError, type Table } from '../../src/index.js';
import { tries } from '../fixtures/tries.js';
import { oneBucketKeys } from './one-bucket-keys.js';
import { scratchTable, testShared } from './scratch-table.js';

const columns = {
  i8: 'int8',
  u32: 'uint32',
  i64: 'int64',
  f32: 'float32',
  f64: 'float64',
  flag: 'boolean',
  text: 'string(30)',
  data: 'bytes(30)',
  page: 'text(4)',
  image: 'blob(8)',
  state: 'json(16)',
} as const;
type Subject = Table<typeof columns>;
type ModelRow = Row<typeof columns>;
type Model = Map<string, ModelRow>;
type Input = Partial<ModelRow>;

const CAPACITY = 30;
const zero: ModelRow = {
  i8: 0,
  u32: 0,
  i64: 0n,
  f32: 0,
  f64: 0,
  flag: false,
  text: '',
  data: new Uint8Array(),
  page: '',
  image: new Uint8Array(),
  state: null,
};
/** Room for the longest values in all rows, in small blocks, so that most values have several. */
const heap = { bytes: 256 * 1024, blockBytes: 64 };

const bytesOf = (text: string): number => Buffer.byteLength(text);
const value: { [K in keyof ModelRow]: fc.Arbitrary<ModelRow[K]> } = {
  i8: fc.integer({ min: -128, max: 127 }),
  u32: fc.nat({ max: 2 ** 32 - 1 }),
  i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  f32: fc.float(),
  f64: fc.double(),
  flag: fc.boolean(),
  text: fc.string({ unit: 'binary', maxLength: 30 }).filter((text) => bytesOf(text) <= 30),
  data: fc.uint8Array({ maxLength: 30 }),
  page: fc.string({ unit: 'binary', maxLength: 300, size: 'max' }),
  image: fc.uint8Array({ maxLength: 500, size: 'max' }),
  // As it is read back: JSON has no -0.
  state: fc.jsonValue({ maxDepth: 3 }).map((state): JsonValue => JSON.parse(JSON.stringify(state))),
};
const row: fc.Arbitrary<Input> = fc.record(value, { requiredKeys: [] });

class Step {
  readonly name: string;
  /** Executes a step on both and returns both results. */
  readonly run: (table: Subject, model: Model) => [unknown, unknown];

  constructor(name: string, run: (table: Subject, model: Model) => [unknown, unknown]) {
    this.name = name;
    this.run = run;
  }

  toString(): string {
    return this.name;
  }
}

/** The result of the model for a new row that does not fit. */
function full(model: Model, key: string): boolean {
  return !model.has(key) && model.size >= CAPACITY;
}

function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (error instanceof ShmTableError) return error.code;
    throw error;
  }
}

function upsert(model: Model, key: string, base: ModelRow, input: Input): true | 'ERR_TABLE_FULL' {
  if (full(model, key)) return 'ERR_TABLE_FULL';
  model.set(key, { ...base, ...input });
  return true;
}

function steps(key: fc.Arbitrary<string>): fc.Arbitrary<Step> {
  const keyAndRow = fc.tuple(key, row);
  const step = <T>(
    input: fc.Arbitrary<T>,
    name: string,
    run: (table: Subject, model: Model, input: T) => [unknown, unknown],
  ) => input.map((given) => new Step(`${name}(${fc.stringify(given)})`, (table, model) => run(table, model, given)));
  return fc.oneof(
    step(keyAndRow, 'set', (table, model, [k, r]) => [
      outcome(() => table.set(k, r) === table),
      upsert(model, k, model.get(k) ?? zero, r),
    ]),
    step(keyAndRow, 'put', (table, model, [k, r]) => [
      outcome(() => table.put(k, r) === table),
      upsert(model, k, zero, r),
    ]),
    step(keyAndRow, 'insert', (table, model, [k, r]) => [
      outcome(() => table.insert(k, r)),
      model.has(k) ? false : upsert(model, k, zero, r),
    ]),
    step(keyAndRow, 'update', (table, model, [k, r]) => [
      table.update(k, r),
      model.has(k) && upsert(model, k, model.get(k) ?? zero, r),
    ]),
    step(key, 'get', (table, model, k) => [table.get(k), model.get(k)]),
    step(key, 'get text', (table, model, k) => [table.get(k, 'text'), model.get(k)?.text]),
    step(key, 'get page', (table, model, k) => [table.get(k, 'page'), model.get(k)?.page]),
    step(key, 'get state', (table, model, k) => [table.get(k, 'state'), model.get(k)?.state]),
    step(key, 'entry', (table, model, k) => [table.entry(k)?.row, model.get(k)]),
    step(key, 'has', (table, model, k) => [table.has(k), model.has(k)]),
    step(key, 'delete', (table, model, k) => [table.delete(k), model.delete(k)]),
    step(key, 'take', (table, model, k) => {
      const expected = model.get(k);
      model.delete(k);
      return [table.take(k), expected];
    }),
    step(fc.tuple(key, fc.integer({ min: -200, max: 200 })), 'increment', (table, model, [k, by]) => {
      const next = (model.get(k)?.i8 ?? 0) + by;
      const fits = next >= -128 && next <= 127;
      const expected = full(model, k) ? 'ERR_TABLE_FULL' : fits ? next : 'ERR_VALUE_RANGE';
      if (expected === next) model.set(k, { ...(model.get(k) ?? zero), i8: next });
      return [outcome(() => table.increment(k, 'i8', by)), expected];
    }),
    step(fc.tuple(key, fc.integer()), 'decrement', (table, model, [k, by]) => {
      const next = BigInt.asIntN(64, (model.get(k)?.i64 ?? 0n) - BigInt(by));
      const fits = next === (model.get(k)?.i64 ?? 0n) - BigInt(by);
      const expected = full(model, k) ? 'ERR_TABLE_FULL' : fits ? next : 'ERR_VALUE_RANGE';
      if (expected === next) model.set(k, { ...(model.get(k) ?? zero), i64: next });
      return [outcome(() => table.decrement(k, 'i64', by)), expected];
    }),
    step(fc.tuple(key, row, fc.boolean()), 'compareAndSet', (table, model, [k, r, fits]) => {
      const old = model.get(k);
      const expected = { ...(old ?? zero), flag: fits ? (old?.flag ?? false) : !old?.flag };
      const done = old !== undefined && fits;
      if (done) model.set(k, { ...old, ...r });
      return [table.compareAndSet(k, expected, r), done];
    }),
    step(fc.tuple(key, row), 'compareAndSet revision', (table, model, [k, r]) => {
      const old = model.get(k);
      if (old !== undefined) model.set(k, { ...old, ...r });
      return [table.compareAndSet(k, { revision: table.entry(k)?.revision ?? 1 }, r), old !== undefined];
    }),
    step(fc.tuple(key, fc.boolean()), 'compareAndDelete', (table, model, [k, fits]) => {
      const old = model.get(k);
      const text = fits ? (old?.text ?? '') : old?.text === 'x' ? 'y' : 'x';
      const done = old !== undefined && old.text === text;
      if (done) model.delete(k);
      return [table.compareAndDelete(k, { text }), done];
    }),
    step(fc.tuple(key, row), 'modify', (table, model, [k, r]) => {
      const old = model.get(k);
      const made = upsert(model, k, old ?? zero, r);
      return [outcome(() => table.modify(k, () => r)), made === true ? model.get(k) : made];
    }),
    step(
      fc.tuple(key, fc.integer({ min: -200, max: 200 }), fc.boolean()),
      'increment with a lifetime',
      (table, model, given) => {
        const [k, by, isFixed] = given;
        const next = (model.get(k)?.i8 ?? 0) + by;
        const fits = next >= -128 && next <= 127;
        const expected = full(model, k) ? 'ERR_TABLE_FULL' : fits ? next : 'ERR_VALUE_RANGE';
        if (expected === next) model.set(k, { ...(model.get(k) ?? zero), i8: next });
        return [outcome(() => table.increment(k, 'i8', by, isFixed ? { ttlIfNew: 1e9 } : { ttl: 1e9 })), expected];
      },
    ),
    step(fc.array(key, { maxLength: 20 }), 'getMany', (table, model, ks) => [
      table.getMany(ks),
      ks.map((k) => model.get(k)),
    ]),
    step(fc.array(keyAndRow, { maxLength: 8 }), 'setMany', (table, model, entries) => {
      let expected: unknown = true;
      for (const [k, r] of entries) {
        expected = upsert(model, k, model.get(k) ?? zero, r);
        if (expected !== true) break;
      }
      return [outcome(() => table.setMany(entries) === table), expected];
    }),
    step(fc.array(key, { maxLength: 4 }), 'deleteMany', (table, model, ks) => [
      table.deleteMany(ks),
      ks.map((k) => model.delete(k)),
    ]),
    step(key, 'modify that writes its own row', (table, model, k) => {
      const change = (): Input => {
        table.expire(k, 1e9);
        return { flag: true };
      };
      const old = model.get(k);
      if (old !== undefined) return [outcome(() => table.modify(k, change)), 'ERR_ARGUMENT'];
      const made = upsert(model, k, zero, { flag: true });
      return [outcome(() => table.modify(k, change)), made === true ? model.get(k) : made];
    }),
    step(key, 'expire', (table, model, k) => [table.expire(k, 1e9), model.has(k)]),
    step(key, 'ttl', (table, model, k) => [table.ttl(k) === undefined, !model.has(k)]),
    step(fc.constant(0), 'size', (table, model) => [table.size, model.size]),
    step(fc.constant(0), 'rows', (table, model) => [new Map(table), model]),
    step(fc.nat({ max: 40 }), 'clear', (table, model, dice) => {
      if (dice > 0) return [0, 0];
      model.clear();
      return [table.clear(), undefined];
    }),
  );
}

/** Executes the steps on a table and on a Map, and compares every result and, at the end, all rows. */
function agrees(table: Subject, plan: readonly Step[]): void {
  const model: Model = new Map();
  table.clear();
  for (const step of plan) {
    const [actual, expected] = step.run(table, model);
    if (!isDeepStrictEqual(actual, expected))
      throw new Error(`${step.name}: ${fc.stringify(actual)}, not ${fc.stringify(expected)}`);
  }
  if (!isDeepStrictEqual(new Map(table), model)) throw new Error('the rows differ');
  const { problems } = table.verify();
  const { heap } = table.stats();
  if (heap?.inFlight !== 0) throw new Error(`${heap?.inFlight} blocks belong to no row`);
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

const keys = {
  'every kind of key': fc.string({ unit: 'binary', minLength: 1, maxLength: 63 }).filter((key) => bytesOf(key) <= 63),
  'few keys': fc.string({ unit: fc.constantFrom('a', 'ä', '😀'), minLength: 1, maxLength: 3 }),
};

for (const [what, key] of Object.entries(keys)) {
  t.test(`a table and a Map agree for ${what}`, async (t) => {
    const table = scratchTable(t, { capacity: CAPACITY, columns, heap, maxParticipants: 2 });
    const plans = fc.array(steps(key), { minLength: 1, maxLength: 150, size: 'max' });
    t.doesNotThrow(() =>
      fc.assert(
        fc.property(plans, (plan) => agrees(table, plan)),
        { numRuns: tries(60, 150) },
      ),
    );
  });
}

testShared('a table and a Map agree if all keys are in one bucket', async (t) => {
  const table = scratchTable(t, { capacity: CAPACITY, columns, heap, maxParticipants: 2 });
  const key = fc.constantFrom(...oneBucketKeys(table, 40));
  const plans = fc.array(steps(key), { minLength: 1, maxLength: 200, size: 'max' });
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(plans, (plan) => agrees(table, plan)),
      { numRuns: tries(60, 150) },
    ),
  );
});
