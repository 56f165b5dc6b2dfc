/** Functions that every table has a copy of. */
import t from 'tap';
import { ownCode } from '../../src/table/own-code.js';
import { Table } from '../fixtures/placed-table.js';

interface Counter {
  readonly step: number;
}

function makeCounter({ step }: Counter): () => number {
  let count = 0;
  return () => {
    count += step;
    return count;
  };
}

t.test('each copy works with its own parts', (t) => {
  const ones = ownCode('counter', makeCounter, { step: 1 });
  const tens = ownCode('counter', makeCounter, { step: 10 });
  t.same([ones(), tens(), ones(), tens()], [1, 10, 2, 20]);
  t.end();
});

t.test('the name of a copy stands in stack traces', (t) => {
  const make = () => (): never => {
    throw new Error('as expected');
  };
  ownCode('failing', make, {});
  const copy = ownCode('failing', make, {});
  t.match(stackOf(copy), /shmtable\/failing-\d+/);
  t.end();
});

t.test('what a bundler has put into the text, from around it, is found all the same', (t) => {
  const keepName = (make: () => number): (() => number) => make;
  const make = ({ step }: Counter): (() => number) => keepName(() => step);
  t.equal(ownCode('bundled', make, { step: 3 })(), 3);
  t.equal(ownCode('bundled', make, { step: 4 })(), 4);
  t.end();
});

t.test('other errors of making are passed on', (t) => {
  const make = (): never => {
    throw new RangeError('too far');
  };
  t.throws(() => ownCode('refusing', make, {}), new RangeError('too far'), 'the first time');
  t.throws(() => ownCode('refusing', make, {}), new RangeError('too far'), 'of a copy');
  t.end();
});

t.test('many tables in one process do not mix up their rows', (t) => {
  const tables = Array.from({ length: 20 }, (_, i) =>
    Table.create({
      name: `own-${process.pid}-${i}`,
      capacity: 5 + i,
      columns: { n: 'int32', text: `string(${8 + i})` },
    }),
  );
  t.teardown(() => {
    for (const table of tables) table.destroy();
  });
  for (let round = 0; round < 3; round++) {
    for (const [i, table] of tables.entries()) table.set('key', { n: 100 * i + round, text: `table ${i}` });
    for (const [i, table] of tables.entries()) {
      t.same(table.get('key'), { n: 100 * i + round, text: `table ${i}` });
      t.equal(table.get('key', 'n'), 100 * i + round);
      t.equal(table.increment('key', 'n', 7), 100 * i + round + 7);
      t.same([...table.keys()], ['key']);
    }
  }
  t.end();
});

function stackOf(run: () => never): string {
  try {
    return run();
  } catch (error) {
    return error instanceof Error ? String(error.stack) : '';
  }
}
