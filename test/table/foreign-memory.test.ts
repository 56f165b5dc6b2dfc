/** Tables of the backend posix, whose memory is a file that tests can copy, truncate and damage. */

import { constants } from 'node:buffer';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import t, { type Test } from 'tap';
import { ShmTableError, Table } from '../../src/index.js';
import { fixturePath } from './child.js';
import { scratchName, scratchTable, segmentFile } from './scratch-table.js';

const columns = { n: 'int32', text: 'string(9)' } as const;
const isRoot = process.getuid?.() === 0;

/** The name of a table under which `make` has created something else. */
function foreignName(t: Test, make: (path: string) => void): string {
  const name = scratchName(t);
  const path = segmentFile(name);
  make(path);
  t.teardown(() => rmSync(path, { force: true, recursive: true }));
  return name;
}

t.test('a file with the table’s name that is not a table is refused and not changed', async (t) => {
  const contents: Record<string, Buffer> = {
    'one byte': Buffer.from('x'),
    text: Buffer.from('not a table\n'),
    'zeros of some pages': Buffer.alloc(8192),
    noise: Buffer.alloc(50_000, 'noise'),
    'the magic alone': Buffer.from('SHMTABLE'),
    'the magic and noise': Buffer.concat([Buffer.from('SHMTABLE'), Buffer.alloc(9_000, 7)]),
  };
  for (const [what, bytes] of Object.entries(contents)) {
    const name = foreignName(t, (path) => writeFileSync(path, bytes));
    const code = { code: /^ERR_(TABLE_CORRUPT|LAYOUT_VERSION)$/, message: new RegExp(name) };
    t.throws(() => Table.open(name), code, what);
    t.throws(() => Table.open(name, { readOnly: true }), code, what);
    t.throws(() => Table.openOrCreate({ name, capacity: 10, columns }), code, what);
    t.throws(() => Table.create({ name, capacity: 10, columns }), { code: 'ERR_TABLE_EXISTS' }, what);
    t.same(Table.list(), [], 'it is not listed');
    t.equal(Buffer.compare(bytes, execFileSync('cat', [segmentFile(name)])), 0, 'it is not changed');
    t.equal(Table.destroy(name), undefined, 'and can be removed');
    const table = Table.create({ name, capacity: 10, columns });
    table.destroy();
  }
});

t.test('anything but a regular file is refused', async (t) => {
  const makes: Record<string, (path: string) => void> = {
    'a folder': (path) => mkdirSync(path),
    'a link': (path) => symlinkSync('/etc/passwd', path),
    'a dangling link': (path) => symlinkSync('/nowhere/at/all', path),
    'a pipe': (path) => execFileSync('mkfifo', [path]),
  };
  for (const [what, make] of Object.entries(makes)) {
    const name = foreignName(t, make);
    t.throws(() => Table.open(name), { code: 'ERR_TABLE_NOT_FOUND' }, what);
    t.throws(() => Table.create({ name, capacity: 10, columns }), { code: 'ERR_TABLE_EXISTS' }, what);
    t.throws(() => Table.openOrCreate({ name, capacity: 10, columns }), { code: 'ERR_TABLE_CORRUPT' }, what);
    t.throws(() => Table.destroy(name), { code: 'ERR_TABLE_NOT_FOUND' }, what);
    t.same(Table.list(), []);
    rmSync(segmentFile(name), { recursive: true });
  }
});

t.test('an empty file of this user does not count as a table', async (t) => {
  const name = foreignName(t, (path) => writeFileSync(path, '', { mode: 0o600 }));
  t.throws(() => Table.open(name), { code: 'ERR_TABLE_NOT_FOUND' });
  using table = Table.openOrCreate({ name, capacity: 10, columns });
  table.set('k', { n: 1 });
  const other = foreignName(t, (path) => writeFileSync(path, '', { mode: 0o600 }));
  Table.create({ name: other, capacity: 10, columns }).destroy();
});

t.test('a truncated table is refused, at every significant length', async (t) => {
  const whole = scratchTable(t, { capacity: 100, columns });
  for (let n = 0; n < 100; n++) whole.set(`k${n}`, { n });
  const { bytes } = whole.stats();
  for (const length of [1, 7, 8, 20, 64, 127, 128, 200, 4095, 4096, bytes >> 1, bytes - 64, bytes - 8, bytes - 1]) {
    const name = foreignName(t, (path) => copyFileSync(segmentFile(whole.name), path));
    truncateSync(segmentFile(name), length);
    for (const readOnly of [false, true]) {
      t.throws(() => Table.open(name, { readOnly }), { code: 'ERR_TABLE_CORRUPT' }, `${length} of ${bytes} bytes`);
    }
    Table.destroy(name);
  }
  for (const more of [1, 7, 4096]) {
    const name = foreignName(t, (path) => copyFileSync(segmentFile(whole.name), path));
    truncateSync(segmentFile(name), bytes + more);
    try {
      using table = Table.open(name, { readOnly: true });
      t.equal(table.get('k7', 'n'), 7, `${more} bytes too many`);
    } catch (error) {
      t.match(error, { code: 'ERR_TABLE_CORRUPT' }, `${more} bytes too many`);
    }
    Table.destroy(name);
  }
});

t.test('a table with a damaged header is refused', async (t) => {
  const whole = scratchTable(t, { capacity: 100, columns });
  whole.set('k', { n: 1 });
  const fields = [
    ['layout version', 8, 'ERR_LAYOUT_VERSION'],
    ['byte order', 12, 'ERR_LAYOUT_VERSION'],
    ['state', 16, 'ERR_TABLE_CORRUPT'],
    ['kind of hash', 20, 'ERR_LAYOUT_VERSION'],
    ['length of the schema', 40, 'ERR_TABLE_CORRUPT'],
    ['checksum of the schema', 44, 'ERR_TABLE_CORRUPT'],
    ['size', 52, 'ERR_TABLE_CORRUPT'],
    ['the schema itself', 140, 'ERR_TABLE_CORRUPT'],
  ] as const;
  for (const [what, at, code] of fields) {
    const name = foreignName(t, (path) => copyFileSync(segmentFile(whole.name), path));
    const file = openSync(segmentFile(name), 'r+');
    writeSync(file, Buffer.from([0x99]), 0, 1, at);
    closeSync(file);
    t.throws(() => Table.open(name), { code, message: new RegExp(name) }, what);
    Table.destroy(name);
  }
});

t.test('random damage causes an error or a result, never a crash or a hang', async (t) => {
  const whole = scratchTable(t, { capacity: 60, columns, maxParticipants: 4 });
  for (let n = 0; n < 50; n++) whole.set(`k${n}`, { n });
  const { bytes } = whole.stats();
  let refused = 0;
  for (let round = 0; round < 150; round++) {
    const name = foreignName(t, (path) => copyFileSync(segmentFile(whole.name), path));
    const file = openSync(segmentFile(name), 'r+');
    for (let i = 0; i < 40; i++) {
      const word = Buffer.alloc(4);
      word.writeInt32LE(
        Math.random() < 0.5 ? Math.floor(Math.random() * 300) : Math.floor(Math.random() * 2 ** 32) - 2 ** 31,
      );
      writeSync(file, word, 0, 4, 128 + 4 * Math.floor((Math.random() * (bytes - 128)) / 4));
    }
    closeSync(file);
    const uses: ((table: Table<typeof columns>) => unknown)[] = [
      (table) => table.verify(),
      (table) => Array.from({ length: 60 }, (_, n) => table.get(`k${n}`)),
      (table) => [...table],
      (table) => table.scan(),
      (table) => table.stats(),
      (table) => table.set('k5', { n: 6 }),
      (table) => table.set('new', { n: 6 }),
      (table) => table.increment('k6', 'n'),
      (table) => table.delete('k7'),
      (table) => table.clear(),
      (table) => table.verify(),
    ];
    try {
      using table = Table.open(name, { columns, lockTimeoutMs: 5 });
      for (const use of uses) {
        try {
          use(table);
        } catch (error) {
          refused++;
          if (!(error instanceof ShmTableError)) throw error;
        }
      }
    } catch (error) {
      refused++;
      if (!(error instanceof ShmTableError)) t.fail('not a ShmTableError', { error });
    }
    rmSync(segmentFile(name));
  }
  t.ok(refused > 0, `${refused} refusals`);
});

t.test(
  'a table that does not fit into /dev/shm leaves nothing behind',
  { skip: isRoot ? false : 'MOUNTING A SMALL /dev/shm NEEDS ROOT' },
  async (t) => {
    const script = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"';
    const command = [process.execPath, fixturePath('table-attempts'), 'fill', 'full', '20000'];
    const { stdout, stderr, status } = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', ...command], {
      encoding: 'utf8',
    });
    if (status !== 0 && /unshare|mount/.test(stderr)) {
      t.pass('mounted', { skip: `NO MOUNT NAMESPACES HERE: ${stderr.trim()}` });
      return;
    }
    t.equal(status, 0, stderr);
    const { refused, again, left, small, leftAtLast } = JSON.parse(stdout);
    const { total } = Table.bytesFor({ name: 'x', capacity: 20_000, columns: { n: 'int32', text: 'string(100)' } });
    for (const error of [refused, again]) {
      t.equal(error.code, 'ERR_SEGMENT_NO_SPACE');
      t.match(error.message, `${total}`, 'names the requested bytes');
      t.match(error.message, /dev\/shm/);
    }
    t.same(left, [], 'nothing is left behind');
    t.equal(small, 500);
    t.same(leftAtLast, []);
  },
);

t.test('a table that is too large for this process to map can be destroyed', async (t) => {
  // A size that fits into an ArrayBuffer of this Node would really be reserved, so only a larger one is tested there.
  for (const bytes of [6 * 2 ** 30, 2 ** 45].filter((size) => size === 2 ** 45 || size > constants.MAX_LENGTH)) {
    const table = scratchTable(t, { capacity: 10, columns, changes: 65_536 });
    const file = segmentFile(table.name);
    // With a hole at its end, which counts for the size of the file but takes no space.
    truncateSync(file, bytes);
    t.throws(() => Table.open(table.name), { code: /^ERR_SEGMENT_(TOO_LARGE|NO_SPACE)$/ });
    t.ok(statSync(file).blocks * 512 < 2 ** 30, 'no space is reserved for a table that cannot be mapped');
    Table.destroy(table.name);
    t.notOk(existsSync(file));
    t.throws(() => table.get('k'), { code: 'ERR_TABLE_CLOSED' }, 'open handles throw');
  }
});

t.test(
  'a table of another user is never opened',
  { skip: isRoot ? false : 'GIVING FILES AWAY NEEDS ROOT' },
  async (t) => {
    for (const mode of [0o600, 0o644, 0o666]) {
      const table = scratchTable(t, { capacity: 10, columns });
      table.set('k', { n: 666 });
      const file = segmentFile(table.name);
      chmodSync(file, mode);
      chownSync(file, 65_534, 65_534);
      const refused = { code: 'ERR_PERMISSION', message: new RegExp(`${table.name}.* belongs to user`) };
      t.throws(() => Table.open(table.name), refused);
      t.throws(() => Table.open(table.name, { readOnly: true }), refused);
      t.throws(() => Table.openOrCreate({ name: table.name, capacity: 10, columns }), refused);
      t.throws(() => Table.create({ name: table.name, capacity: 10, columns }), { code: 'ERR_TABLE_EXISTS' });
      t.throws(() => Table.destroy(table.name), refused, 'nor destroyed; rm can remove it');
      t.notOk(
        Table.list().some(({ name }) => name === table.name),
        'nor listed',
      );
      chownSync(file, 0, 0);
      chmodSync(file, 0o600);
    }
  },
);

t.test(
  'a table without permission is an error that names it',
  { skip: isRoot ? false : 'BECOMING ANOTHER USER NEEDS ROOT' },
  async (t) => {
    const table = scratchTable(t, { capacity: 10, columns });
    table.set('k', { n: 1 });
    const stdout = execFileSync(process.execPath, [fixturePath('table-attempts'), 'reach', table.name], {
      encoding: 'utf8',
    });
    const { list, create, ...others } = JSON.parse(stdout);
    for (const [way, error] of Object.entries(others)) t.match(error, { code: 'ERR_PERMISSION' }, way);
    t.match(create, { code: 'ERR_TABLE_EXISTS' });
    t.equal(list, 0);
    t.equal(table.get('k', 'n'), 1);
  },
);
