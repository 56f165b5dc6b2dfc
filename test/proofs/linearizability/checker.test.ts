import t from 'tap';
import { findViolation } from './checker.js';
import { type OperationName, pairOf, type RowOperation, rowModel } from './row-model.js';

type Rest = { value?: number; expected?: number; result?: number | boolean | undefined };

/** An operation from `call` to `end`; `never` when its process died during it. */
function op(name: OperationName, call: number, end: number | 'never', rest: Rest = {}): RowOperation {
  const returned = end === 'never' ? Number.POSITIVE_INFINITY : end;
  return { name, call, return: returned, value: 0, expected: 0, result: undefined, ...rest };
}

const bad: Record<string, RowOperation[]> = {
  'a read of a value that was never written': [op('set', 0, 1, { value: 5 }), op('get', 2, 3, { result: 6 })],
  'a stale read': [op('set', 0, 1, { value: 5 }), op('set', 2, 3, { value: 6 }), op('get', 4, 5, { result: 5 })],
  'a row missing after it was set': [op('set', 0, 1, { value: 5 }), op('get', 2, 3)],
  'new, then old again': [
    op('set', 0, 1, { value: 5 }),
    op('set', 2, 20, { value: 6 }),
    op('get', 4, 5, { result: 6 }),
    op('get', 6, 7, { result: 5 }),
  ],
  'a lost increment': [
    op('increment', 0, 10, { value: 1, result: 1 }),
    op('increment', 1, 11, { value: 1, result: 1 }),
  ],
  'an increment lost to a write of another column value': [
    op('set', 0, 1, { value: 1 }),
    op('increment', 2, 3, { value: 1, result: 2 }),
    op('compareAndSet', 2, 4, { expected: 1, value: 9, result: true }),
    op('get', 5, 6, { result: 2 }),
  ],
  'two successful inserts of one key': [
    op('insert', 0, 10, { value: 1, result: true }),
    op('insert', 1, 11, { value: 2, result: true }),
  ],
  'one row taken twice': [
    op('set', 0, 1, { value: 5 }),
    op('take', 2, 10, { result: 5 }),
    op('take', 3, 11, { result: 5 }),
  ],
  'two successful compareAndSets with one expected value': [
    op('set', 0, 1, { value: 1 }),
    op('compareAndSet', 2, 10, { expected: 1, value: 2, result: true }),
    op('compareAndSet', 3, 11, { expected: 1, value: 3, result: true }),
  ],
  'an update of a missing row': [op('update', 0, 1, { value: 1, result: true })],
  'a deleted row that reappears': [
    op('set', 0, 1, { value: 5 }),
    op('delete', 2, 3, { result: true }),
    op('get', 4, 5, { result: 5 }),
  ],
  'a write of a dead process seen, then unseen': [
    op('set', 0, 1, { value: 5 }),
    op('set', 2, 'never', { value: 6 }),
    op('get', 3, 4, { result: 6 }),
    op('get', 5, 6, { result: 5 }),
  ],
  'the later of two increments without the earlier': [
    op('set', 0, 1, { value: 1 }),
    op('increment', 2, 3, { value: 1, result: 2 }),
    op('incrementOther', 4, 5, { value: 1, result: 1 }),
    op('entry', 2, 6, { result: pairOf({ value: 1, other: 1 }) }),
  ],
  'the increment of a dead process without one before it': [
    op('set', 0, 1, { value: 1 }),
    op('increment', 2, 3, { value: 1, result: 2 }),
    op('incrementOther', 4, 'never', { value: 1 }),
    op('entry', 2, 6, { result: pairOf({ value: 1, other: 1 }) }),
  ],
  'an increment of a dead process counted twice': [
    op('increment', 0, 'never', { value: 1 }),
    op('increment', 1, 2, { value: 1, result: 3 }),
  ],
  'a write of a dead process before its call': [op('get', 0, 1, { result: 6 }), op('set', 2, 'never', { value: 6 })],
};

const good: Record<string, RowOperation[]> = {
  nothing: [],
  'overlapping writes in either order': [
    op('set', 0, 10, { value: 5 }),
    op('set', 1, 9, { value: 6 }),
    op('get', 11, 12, { result: 5 }),
  ],
  'a read beside a write, old': [op('set', 0, 10, { value: 5 }), op('get', 1, 2)],
  'a read beside a write, new': [op('set', 0, 10, { value: 5 }), op('get', 1, 2, { result: 5 })],
  'an entry between two increments': [
    op('set', 0, 1, { value: 1 }),
    op('increment', 2, 3, { value: 1, result: 2 }),
    op('incrementOther', 4, 5, { value: 1, result: 1 }),
    op('entry', 2, 6, { result: pairOf({ value: 2, other: 0 }) }),
    op('put', 7, 8, { value: 3 }),
    op('entry', 9, 10, { result: pairOf({ value: 3, other: 0 }) }),
  ],
  'a write of a dead process that never took effect': [
    op('set', 0, 1, { value: 5 }),
    op('set', 2, 'never', { value: 6 }),
    op('get', 3, 4, { result: 5 }),
    op('get', 5, 6, { result: 5 }),
  ],
  'a write of a dead process that took effect late, by recovery': [
    op('set', 0, 1, { value: 5 }),
    op('set', 2, 'never', { value: 6 }),
    op('get', 3, 4, { result: 5 }),
    op('get', 5, 6, { result: 6 }),
    op('get', 7, 8, { result: 6 }),
  ],
  'several deaths, only some of whose increments took effect': [
    ...Array.from({ length: 8 }, (_, i) => op('increment', i, 'never', { value: 1 })),
    op('get', 20, 21, { result: 3 }),
    op('get', 22, 23, { result: 7 }),
  ],
  'every operation, one after another': [
    op('insert', 0, 1, { value: 1, result: true }),
    op('insert', 2, 3, { value: 2, result: false }),
    op('update', 4, 5, { value: 3, result: true }),
    op('increment', 6, 7, { value: 4, result: 7 }),
    op('compareAndSet', 8, 9, { expected: 7, value: 8, result: true }),
    op('compareAndDelete', 10, 11, { expected: 7, result: false }),
    op('take', 12, 13, { result: 8 }),
    op('take', 14, 15),
    op('put', 16, 17, { value: 1 }),
    op('compareAndDelete', 18, 19, { expected: 1, result: true }),
    op('delete', 20, 21, { result: false }),
  ],
};

for (const [name, history] of Object.entries(bad)) {
  t.test(`rejected: ${name}`, async (t) => {
    t.ok(findViolation(history, rowModel));
    t.ok(findViolation(history.toReversed(), rowModel), 'whatever the order in which it was recorded');
  });
}

for (const [name, history] of Object.entries(good)) {
  t.test(`accepted: ${name}`, async (t) => {
    t.equal(findViolation(history, rowModel), undefined);
  });
}

t.test('a violation names the operation and those that overlap it', async (t) => {
  const lost = op('increment', 1, 11, { value: 1, result: 1 });
  const beside = op('get', 9, 20, { result: 1 });
  const violation = findViolation([op('increment', 0, 10, { value: 1, result: 1 }), lost, beside], rowModel);
  t.equal(violation?.operation, lost);
  t.same(violation?.overlapping, [beside]);
});
