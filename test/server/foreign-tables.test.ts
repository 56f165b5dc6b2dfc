/** Memory that another user has created under the name of a configured table is never served. */
import { chmodSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { NOBODY, needsTwoUsers } from '../fixtures/other-user.js';
import { ServiceProcess } from '../fixtures/server-process.js';

const options = { name: 'pages', capacity: 10, columns: { n: 'int32' } } as const;

t.test('a service whose table belongs to another user does not start', { skip: needsTwoUsers }, async (t) => {
  const namespace = `test-${process.pid}-foreign`;
  using table = Table.create({ ...options, namespace });
  table.set('k', { n: 666 });
  const file = join('/dev/shm', `shmtable:${namespace}:pages`);
  t.teardown(() => {
    chownSync(file, 0, 0);
    chmodSync(file, 0o600);
    Table.destroy('pages', { namespace });
  });
  chmodSync(file, 0o666);
  chownSync(file, NOBODY, NOBODY);
  const { name, ...configured } = options;
  const config = { tables: { [name]: configured }, port: 0, workers: 1 };
  const service = new ServiceProcess(t, { config, env: { SHMTABLE_NAMESPACE: namespace } });
  t.equal(await service.ended, 1);
  t.match(service.stderr + JSON.stringify(service.log), /pages.* belongs to user/);
});
