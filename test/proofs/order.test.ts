import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { type Instruction, isPossible, type Registers } from './order/arm64-model.js';
import { problemsOf, steps } from './order/steps.js';

t.test('the model of arm64 allows what the architecture allows, and nothing else', async (t) => {
  const load = (register: string, location: string, acquires = false, ...address: string[]): Instruction => ({
    kind: 'load',
    register,
    location,
    acquires,
    address,
  });
  const store = (location: string, value: number, releases = false): Instruction => ({
    kind: 'store',
    location,
    value,
    releases,
  });
  const may = (threads: Instruction[][], found: (registers: Registers, end: Registers) => boolean): boolean =>
    isPossible({ start: {}, threads }, found);

  // Names as in the literature: message passing, store buffering, load buffering, and so on.
  const mp = (releases: boolean, acquires: boolean, ...address: string[]) =>
    may(
      [
        [store('data', 1), store('flag', 1, releases)],
        [load('f', 'flag', acquires), load('d', 'data', false, ...address)],
      ],
      ({ f, d }) => f === 1 && d === 0,
    );
  t.ok(mp(false, false), 'MP');
  t.ok(mp(true, false), 'MP+stlr+po');
  t.ok(mp(false, true), 'MP+po+ldar');
  t.notOk(mp(true, true), 'MP+stlr+ldar');
  t.notOk(mp(true, false, 'f'), 'MP+stlr+addr');

  const sb = (releases: boolean, acquires: boolean) =>
    may(
      [
        [store('a', 1, releases), load('x', 'b', acquires)],
        [store('b', 1, releases), load('y', 'a', acquires)],
      ],
      ({ x, y }) => x === 0 && y === 0,
    );
  t.ok(sb(false, false), 'SB');
  t.ok(sb(true, false), 'SB+stlr-po');
  t.notOk(sb(true, true), 'SB+stlr-ldar');

  const lb = (releases: boolean) =>
    may(
      [
        [load('x', 'a'), store('b', 1, releases)],
        [load('y', 'b'), store('a', 1, releases)],
      ],
      ({ x, y }) => x === 1 && y === 1,
    );
  t.ok(lb(false), 'LB');
  t.notOk(lb(true), 'LB+stlrs');

  const iriw = (acquires: boolean) =>
    may(
      [
        [store('a', 1)],
        [store('b', 1)],
        [load('a1', 'a', acquires), load('b1', 'b', acquires)],
        [load('b2', 'b', acquires), load('a2', 'a', acquires)],
      ],
      ({ a1, b1, a2, b2 }) => a1 === 1 && b1 === 0 && b2 === 1 && a2 === 0,
    );
  t.ok(iriw(false), 'IRIW');
  t.notOk(iriw(true), 'IRIW+ldars: stores become visible to all other processors at once');

  t.notOk(
    may([[store('a', 1)], [load('x', 'a'), load('y', 'a')]], ({ x, y }) => x === 1 && y === 0),
    'CoRR',
  );
  t.notOk(
    may([[store('a', 1), store('a', 2)]], (_, { a }) => a === 1),
    'CoWW',
  );
  const change = (register: string, location = 'lock'): Instruction => ({
    kind: 'change',
    register,
    location,
    expected: 0,
    value: 1,
  });
  t.notOk(
    may([[change('x')], [change('y')]], ({ x, y }) => x === 0 && y === 0),
    'only one of two changes succeeds',
  );
  t.ok(
    may(
      [
        [store('a', 1), change('x', 'c'), load('b', 'b')],
        [store('b', 1), change('y', 'd'), load('a', 'a')],
      ],
      ({ a, b }) => a === 0 && b === 0,
    ),
    'an exclusive change is no barrier',
  );
});

t.test('each step of the protocol holds on arm64, and needs each of its orders', async (t) => {
  for (const step of steps) t.same(problemsOf(step), [], step.name);
});

t.test('the table of orders names functions that exist', async (t) => {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const sources = ['src', 'native'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|cc)$/.test(name))
      .map((name) => readFileSync(join(root, folder, name), 'utf8')),
  );
  const text = sources.join('\n');
  const section = readFileSync(join(root, 'docs/design.md'), 'utf8').split('\n## Memory order\n')[1] ?? '';
  const steps = section.split('\n| step |')[1] ?? '';
  const names = [...steps.matchAll(/`([#\w.:]+)`/g)].flatMap(([, name]) => (name ?? '').split(/\.|::/));
  t.ok(names.length > 100, `${names.length} names`);
  const missing = [...new Set(names)].filter((name) => !text.includes(name));
  t.same(missing, []);
});
