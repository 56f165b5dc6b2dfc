/**
 * Whatever a caller passes, the result is a value, a `ShmTableError`, or the caller's own exception, but never an
 * internal error of the engine. Every public member is called with every odd value as every argument, on an open, a
 * closed and a destroyed table.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Table as PlainTable, ShmTableError } from '../../src/index.js';
import { Table } from '../fixtures/placed-table.js';
import { namespace, scratchName } from './scratch-table.js';

const columns = {
  n: 'int32',
  f: 'float64',
  big: 'int64',
  text: 'string(20)',
  data: 'bytes(8)',
  is: 'boolean',
} as const;

/** The error that the caller's own code throws, which must be passed on unchanged. */
class Own extends Error {}
const throwing = (): never => {
  throw new Own('mine');
};

function detached(): Uint8Array {
  const bytes = Uint8Array.of(1);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  return bytes;
}

/** A revoked proxy, of which every trap throws. */
const hostile = new Proxy({}, new Proxy({}, { get: () => throwing }));

const ODD: Record<string, unknown> = {
  undefined: undefined,
  null: null,
  true: true,
  zero: 0,
  'minus zero': -0,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  fraction: 0.5,
  huge: Number.MAX_VALUE,
  bigint: 2n ** 70n,
  symbol: Symbol('odd'),
  'empty string': '',
  string: 'k',
  'lone surrogate': '\ud800',
  'long string': 'x'.repeat(100_000),
  array: [1, [2]],
  'empty object': {},
  'without prototype': Object.create(null),
  frozen: Object.freeze({ n: 1 }),
  'toString throws': { toString: throwing, valueOf: throwing, [Symbol.toPrimitive]: throwing },
  'getter throws': Object.defineProperty({}, 'n', { enumerable: true, get: throwing }),
  'constructor throws': Object.defineProperty({ n: 1 }, 'constructor', { get: throwing }),
  'value that throws': { n: { valueOf: throwing, toString: throwing } },
  'unknown column': { nope: 1 },
  'every column wrong': { n: Symbol('n'), f: {}, big: null, text: 1n, data: [], is: 0 },
  'row with detached bytes': { data: detached() },
  detached: detached(),
  proxy: new Proxy({ n: 1 }, {}),
  hostile,
  function: () => undefined,
  'throwing function': throwing,
  date: new Date(Number.NaN),
  map: new Map([['n', 1]]),
  promise: Promise.resolve(),
  regexp: /x/,
};

/** Members that are not called with arguments, and why. */
const EXCEPTED = new Set(['constructor']);

function complaint(error: unknown): string | undefined {
  if (error instanceof ShmTableError || error instanceof Own) return undefined;
  return error instanceof Error ? (error.stack ?? error.message) : `threw ${String(error)}`;
}

/** Calls a member, consumes its result, and returns what is wrong with an error that it throws. */
async function attempt(call: () => unknown, target?: object): Promise<string | undefined> {
  try {
    const made = call();
    if (made === target) return undefined;
    // Created under the name or namespace that is the odd value.
    if (made instanceof PlainTable) made.destroy();
    if (typeof made !== 'object' || made === null) return undefined;
    if (Symbol.asyncIterator in made) {
      const watch = made as unknown as AsyncIterator<unknown>;
      const next = watch.next();
      await watch.return?.();
      await next;
    } else if (made instanceof Promise) {
      const value: unknown = await made;
      if (value instanceof PlainTable) value.destroy();
    } else if (Symbol.iterator in made && !Array.isArray(made)) {
      for (const _ of made as Iterable<unknown>);
    }
    return undefined;
  } catch (error) {
    return complaint(error);
  }
}

/** The members of a prototype or of a class, getters included, as functions. */
function membersOf(owner: object): Map<string | symbol, (target: object, args: unknown[]) => unknown> {
  const members = new Map<string | symbol, (target: object, args: unknown[]) => unknown>();
  for (const name of Reflect.ownKeys(owner)) {
    if (typeof name === 'string' && EXCEPTED.has(name)) continue;
    const { get, value } = Object.getOwnPropertyDescriptor(owner, name) ?? {};
    if (get !== undefined) members.set(name, (target) => Reflect.get(target, name));
    else if (typeof value === 'function') members.set(name, (target, args) => Reflect.apply(value, target, args));
  }
  return members;
}

/** Valid arguments of the methods that check later arguments only if the first ones are valid. */
const GOOD: readonly unknown[][] = [
  ['k'],
  ['k', { n: 1 }],
  ['k', 'n', 1],
  ['k', { n: 1 }, { n: 2 }],
  ['k', () => ({ n: 1 })],
  [['k']],
  [[['k', { n: 1 }]]],
  [{}],
];

function* argumentLists(): Generator<[string, unknown[]]> {
  yield ['nothing', []];
  for (const [name, value] of Object.entries(ODD)) {
    for (const good of GOOD) {
      for (let at = 0; at <= good.length; at++) {
        const args = [...good.slice(0, at), value, ...good.slice(at + 1)];
        yield [`${name} in place ${at} of ${good.length}`, args];
      }
    }
  }
}

async function attack(
  t: Test,
  owner: object,
  target: () => object,
  among: (name: string | symbol) => boolean,
): Promise<void> {
  for (const [name, use] of membersOf(owner)) {
    if (!among(name)) continue;
    let calls = 0;
    const problems: string[] = [];
    for (const [what, args] of argumentLists()) {
      calls++;
      const problem = await attempt(() => use(target(), args), target());
      if (problem !== undefined) problems.push(`${what}: ${problem.split('\n').slice(0, 4).join(' | ')}`);
    }
    t.same(problems.slice(0, 5), [], `${String(name)}: ${calls} calls`);
  }
}

/** These end the table, so they are tested separately. */
const ENDING = new Set<string | symbol>(['close', 'destroy', Symbol.dispose]);
/** Writes files with the given names; every string is a valid path. */
const WRITING_FILES = new Set<string | symbol>(['snapshot']);

function made(t: Test): PlainTable<typeof columns> {
  return Table.create({ name: scratchName(t), capacity: 50, columns, changes: 1 << 16, lockTimeoutMs: 20 });
}

t.test('odd arguments are rejected by an open table', async (t) => {
  const table = made(t);
  await attack(
    t,
    PlainTable.prototype,
    () => table,
    (name) => !ENDING.has(name) && !WRITING_FILES.has(name),
  );
  t.same(table.verify(), { ok: true, problems: [] });
  table.destroy();
});

t.test('a closed or destroyed table rejects every call', async (t) => {
  const closed = made(t);
  closed.close();
  await attack(
    t,
    PlainTable.prototype,
    () => closed,
    (name) => !WRITING_FILES.has(name),
  );
  const destroyed = made(t);
  Table.destroy(destroyed.name);
  await attack(
    t,
    PlainTable.prototype,
    () => destroyed,
    (name) => !WRITING_FILES.has(name),
  );
});

t.test('odd arguments are rejected by the static methods', async (t) => {
  // A folder for files with relative paths.
  const before = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-odd-'));
  t.teardown(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });
  process.chdir(folder);
  const given = { name: 'odd', namespace, capacity: 5, columns };
  await attack(
    t,
    PlainTable,
    () => PlainTable,
    (name) => name !== 'restore',
  );
  for (const [name, value] of Object.entries(ODD)) {
    for (const option of [...Object.keys(given), 'maxKeyBytes', 'backend', 'path', 'readOnly', 'evict', 'changes']) {
      const options = { ...given, [option]: value };
      for (const call of ['create', 'openOrCreate', 'bytesFor'] as const) {
        const problem = await attempt(() => Reflect.apply(PlainTable[call], PlainTable, [options]));
        if (problem !== undefined) t.fail(`${call} with ${option} = ${name}`, { problem });
        await attempt(() => PlainTable.destroy('odd', { namespace }));
      }
    }
    const problem = await attempt(() => Reflect.apply(PlainTable.restore, PlainTable, [value]));
    if (problem !== undefined) t.fail(`restore of ${name}`, { problem });
  }
});
