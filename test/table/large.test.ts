/**
 * A table of more than 4 GiB, which needs Node 22 or later. Offsets then have 33 bits, which `Buffer.write` and
 * `Buffer.copy` of Node 22 and 24 do not support.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ShmTableError, Table } from '../../src/index.js';

const options = {
  name: `large-${process.pid}`,
  backend: 'anonymous',
  capacity: 68_000,
  columns: { text: 'string(65000)', data: 'bytes(8)', count: 'int64', score: 'float64' },
} as const;

type LargeTable = Table<typeof options.columns>;

/** Short and long strings, ASCII or not, are written by different code. */
const TEXTS = ['short', 'x'.repeat(40), 'ä'.repeat(40), 'y'.repeat(3_000)];

function fill(table: LargeTable): void {
  for (let i = 0; i < options.capacity; i++) {
    table.set(`k${i}`, { text: `${i} ${TEXTS[i % 4]}`, data: Uint8Array.of(i, i >> 8), count: i, score: i / 3 });
  }
}

/** Rows that differ from what was written. */
function wrongRows(table: LargeTable): unknown[] {
  const wrong: unknown[] = [];
  for (let i = 0; i < options.capacity; i++) {
    const row = table.get(`k${i}`);
    const whole =
      row?.text === `${i} ${TEXTS[i % 4]}` &&
      row.data[0] === (i & 255) &&
      row.data[1] === ((i >> 8) & 255) &&
      row.count === BigInt(i) &&
      row.score === i / 3;
    if (!whole && wrong.length < 3) wrong.push({ i, row });
  }
  return wrong;
}

t.test('a table of more than 4 GiB works', async (t) => {
  t.ok(Table.bytesFor(options).total > 2 ** 32);
  if (process.versions.node.startsWith('20.')) {
    t.throws(() => Table.create(options), { code: 'ERR_SEGMENT_TOO_LARGE', message: /4294967296 .* Node 20/ });
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-large-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'rows.snapshot');
  let table: LargeTable;
  try {
    table = Table.create(options);
  } catch (error) {
    if (!(error instanceof ShmTableError && error.code === 'ERR_SEGMENT_NO_SPACE')) throw error;
    t.pass(`NOT ENOUGH MEMORY HERE: ${error.message}`, { skip: true });
    return;
  }
  try {
    fill(table);
    t.same(wrongRows(table), []);
    for (let i = 0; i < options.capacity; i += 1000) table.increment(`k${i}`, 'count', -i);
    t.equal(table.get('k67000', 'count'), 0n);
    for (let i = 0; i < options.capacity; i += 1000) table.increment(`k${i}`, 'count', i);
    t.same(table.verify(), { ok: true, problems: [] });
    await table.snapshot(path);
  } finally {
    table.destroy();
  }
  const restored = await Table.restore<typeof options.columns>(path, { backend: 'anonymous' });
  try {
    t.equal(restored.size, options.capacity);
    t.same(wrongRows(restored), []);
  } finally {
    restored.destroy();
  }
});

t.test('a table of more than 16 GiB is refused', async (t) => {
  const limit = { code: 'ERR_SEGMENT_TOO_LARGE', message: /the limit is 17179869184/ };
  t.throws(() => Table.create({ ...options, capacity: 300_000 }), limit);
});
