/** Damage in the heap of a table. Random damage is tested in `proofs/corruption`. */

import t from 'tap';
import { ASCII, BLOCK_NEXT, BLOCK_TABLE_WORDS, FIELD_FIRST, FIELD_LENGTH } from '../../src/table/layout/heap.js';
import { readHeader } from '../../src/table/layout/segment.js';
import { TableMemory } from '../../src/table/layout/table-memory.js';
import type { RowNumber } from '../../src/table/layout/units.js';
import { openMemory, scratchTable } from './scratch-table.js';

const BYTES = 300;
/** Maximum bytes of a text. */
const LONGEST = 2 ** 29 - 24;
/** A walk of as many steps as this length requires would record some hundred megabytes. */
const MOST_MEMORY = 8 * 1024 * 1024;

t.test('the walk along a circular chain ends after as many steps as the heap has blocks', async (t) => {
  const table = scratchTable(t, { capacity: 2, columns: { page: 'text' }, heap: { bytes: 8192, blockBytes: 64 } });
  table.set('k', { page: 'x'.repeat(BYTES) });
  const segment = openMemory(table.name);
  t.teardown(() => segment.close());
  const layout = readHeader(segment.buffer, table.name);
  const memory = TableMemory.open(segment.buffer, layout);
  const fields = Array.from({ length: memory.rowSlices }, (_, i) => memory.rowWord((i + 1) as RowNumber)).map(
    (row) => row + layout.row.columns[0].offset / 4,
  );
  const field = fields.find((field) => memory.words[field + FIELD_LENGTH] === (BYTES | ASCII)) ?? 0;
  const next = (block: number) => (layout.heap?.tableAt ?? 0) / 4 + block * BLOCK_TABLE_WORDS + BLOCK_NEXT;
  const first = memory.words[field + FIELD_FIRST];
  memory.words[field + FIELD_LENGTH] = LONGEST | ASCII;
  memory.words[next(first)] = first + 2;
  memory.words[next(first + 2)] = first;

  const before = process.memoryUsage().heapUsed;
  t.throws(() => table.get('k'), { code: 'ERR_TABLE_CORRUPT' });
  const grown = process.memoryUsage().heapUsed - before;
  t.ok(grown < MOST_MEMORY, `${grown} bytes`);
  t.match(table.verify().problems, [/its length needs 8388608 blocks, the heap has 128$/]);
});

t.test('a hint that promises blocks after the last one does not lead beyond the heap', async (t) => {
  const table = scratchTable(t, { capacity: 200, columns: { page: 'text' }, heap: { bytes: 6400, blockBytes: 64 } });
  const segment = openMemory(table.name);
  t.teardown(() => segment.close());
  const layout = readHeader(segment.buffer, table.name);
  const { words } = TableMemory.open(segment.buffer, layout);
  const lastBits = (layout.heap?.bitsAt ?? 0) / 4 + 3;
  // Of its 32 bits 4 belong to blocks.
  words[lastBits] = 0;
  const stored = new Map<string, string>();
  const code = (() => {
    for (let i = 0; i < 200; i++) {
      const page = `${i}`.padEnd(60, 'x');
      try {
        table.set(`row-${i}`, { page });
      } catch (error) {
        return (error as { code?: string }).code;
      }
      stored.set(`row-${i}`, page);
    }
    return undefined;
  })();
  t.equal(code, 'ERR_TABLE_FULL');
  t.equal(stored.size, 100, 'every block was used');
  for (const [key, page] of stored) if (table.get(key, 'page') !== page) t.fail(`${key} was overwritten`);
});
