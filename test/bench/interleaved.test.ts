import t from 'tap';
import { measureInterleaved, relativeSpeed, type Slice, type Subject } from '../../src/bench/interleaved.js';

function subject(name: string, getRow: Slice, closed: string[] = []): Subject<'get row'> {
  return { name, slices: { 'get row': getRow }, close: () => void closed.push(name) };
}

const workload = { operations: ['get row'], keys: 5, rounds: 2, sliceOperations: 4 } as const;

t.test('a subject that disagrees with the others fails the run, and all subjects are closed', async (t) => {
  const closed: string[] = [];
  const right = subject('right', (keys) => keys.length, closed);
  const wrong = subject('wrong', (keys) => keys.length + 1, closed);
  await t.rejects(measureInterleaved([() => right, () => wrong], workload), /disagree about get row: .*wrong: 5/);
  t.same(closed, ['right', 'wrong']);
});

t.test('all subjects get the same keys, in an order that changes with each round', async (t) => {
  const met: { name: string; keys: string[] }[] = [];
  const watching = (name: string) =>
    subject(name, (keys) => {
      met.push({ name, keys: [...keys] });
      return 0;
    });
  await measureInterleaved([() => watching('a'), () => watching('b')], workload);
  const rounds = Array.from({ length: met.length / 2 }, (_, round) => met.slice(2 * round, 2 * round + 2));
  for (const [first, second] of rounds) t.same(first.keys, second.keys);
  t.same(
    rounds.slice(0, 2).map(([first]) => first.name),
    ['a', 'b'],
  );
  t.ok(
    met.every(({ keys }) => keys.length === 4 && keys.every((key) => /^k10000000[0-4]$/.test(key))),
    'keys of ten characters whose rows exist',
  );
});

t.test('a subject that lacks an operation is left out of it; a subject may be asynchronous', async (t) => {
  const slow = subject('slow', async (keys) => keys.length);
  const unable: Subject<'get row'> = { name: 'unable', slices: {}, close: () => undefined };
  const fast = subject('fast', (keys) => keys.length);
  const measured = await measureInterleaved([() => slow, () => unable, () => fast], workload);
  t.same(
    measured.map(({ operation, subject }) => [operation, subject]),
    [
      ['get row', 'slow'],
      ['get row', 'fast'],
    ],
  );
});

t.test('an operation on missing keys gets keys without rows, and a subject may define its own operation', async (t) => {
  const met: string[] = [];
  const held = ['a', 'b', 'c', 'd', 'e'];
  const open = (keys: readonly string[]): Subject<'get row' | 'miss'> => ({
    name: 'subject',
    slices: {
      'get row': (asked) => {
        t.ok(asked.every((key) => held.includes(key)));
        return 0;
      },
      miss: (asked) => {
        met.push(...asked.filter((key) => keys.includes(key) || held.includes(key)));
        return 0;
      },
    },
    keysOf: (numbers) => numbers.map((number) => held[number] ?? `absent-${number}`),
    close: () => undefined,
  });
  await measureInterleaved([open], { ...workload, operations: ['get row', 'miss'], absent: ['miss'] });
  t.same(met, []);
});

t.test('ratios are computed within each round', async (t) => {
  const measurement = (roundsNs: number[]) => ({ operation: 'get row', subject: 'any', roundsNs });
  const ratio = relativeSpeed(measurement([10, 100, 1000]), measurement([20, 200, 1000]));
  t.same(ratio, { median: 2, minimum: 1, lowerQuartile: 1.5, upperQuartile: 2 });
});
