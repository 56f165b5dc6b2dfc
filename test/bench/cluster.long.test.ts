/** The sections about clusters start their servers, measure everything, and leave nothing behind. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Report } from '../../src/bench/report.js';
import { Segment } from '../../src/memory/segment.js';

const program = fileURLToPath(new URL('../../bench/run.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'shmtable-bench-'));
t.teardown(() => rmSync(folder, { recursive: true }));

t.test('a short run has every figure, and leaves no segment', async (t) => {
  const only = 'cluster-near,cluster-writes,cluster-feed';
  const { pid, status } = spawnSync(process.execPath, [program, '--smoke', '--only', only, '--out', folder]);
  t.equal(status, 0);
  const report: Report = JSON.parse(readFileSync(join(folder, 'latest.json'), 'utf8'));
  t.same(report.leftOut, []);
  const measured = report.figures.map(({ what, comparedWith = 'absolute' }) => `${what} | ${comparedWith}`);
  const rows = '10 rows';
  t.same(measured, [
    `peek of a near hit, ${rows} | get of a table in shared memory`,
    `what peek takes more than get of a table in shared memory, ${rows} | absolute`,
    `peek of a near hit, ${rows} | node-redis HGETALL, one at a time`,
    `peek of a near hit, ${rows} | node-redis' client-side cache`,
    `await get of a near hit, ${rows} | absolute`,
    `await get of a near hit, ${rows} | node-redis' client-side cache`,
    'set in a cluster, one at a time | node-redis with the same script',
    'set in a cluster, 64 at a time | node-redis with the same script',
    'a feed applies invalidations in one thread, of rows that its host has | absolute',
    'a feed applies invalidations in one thread, of rows that its host has not | absolute',
    'a server tells 50 hosts of writes, 1 at a time, per second of its processor time | absolute',
    'a server tells 50 hosts of writes, 64 at a time, per second of its processor time | absolute',
    'a feed is replaced after SIGKILL of its process | absolute',
  ]);
  t.ok(report.figures.filter(({ unit }) => unit === 'x').every(({ value }) => value.median > 0));
  t.notOk(Segment.list().some(({ name }) => name.includes(`:bench-${pid}`)));
});
