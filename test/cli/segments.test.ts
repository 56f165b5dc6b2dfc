import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { COMMAND } from '../fixtures/command-run.js';

const namespace = `test-${process.pid}-segments`;
const path = join(tmpdir(), `${namespace}.table`);
const backends = ['posix', 'anonymous', 'sysv', 'file'] as const;
const tables = backends.map((backend) =>
  Table.create({
    name: `of-${backend}`,
    namespace,
    backend,
    capacity: 10,
    columns: { n: 'int32' },
    ...(backend === 'file' && { path }),
  }),
);
t.teardown(() => {
  for (const table of tables) table.destroy();
  rmSync(path, { force: true });
});

async function segments(...options: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [COMMAND, 'segments', ...options]);
  return stdout;
}

t.test('segments lists the segments of every backend', async (t) => {
  const printed = await segments();
  t.match(printed, /^NAME +BACKEND +OWNER +PERMS +BYTES +ATTACHED +LOCATION\n/);
  for (const backend of backends) {
    const line = new RegExp(`^shmtable:${namespace}:of-${backend} +${backend} +\\S+ +600 +\\d+ +1 +\\S`, 'm');
    t.match(printed, line, backend);
  }
});

t.test('--json prints them as JSON', async (t) => {
  const { total } = Table.bytesFor({ name: 'a', capacity: 10, columns: { n: 'int32' } });
  const all = JSON.parse(await segments('--json')) as { name: string }[];
  const ours = all.filter(({ name }) => name.startsWith(`shmtable:${namespace}:`));
  t.equal(ours.length, backends.length);
  for (const info of ours) t.match(info, { owner: /./, mode: 0o600, bytes: total, attached: 1, location: /./ });
});
