/** Lifetimes of rows in a near cache do not depend on the wall clock of the host, whenever and however it is set. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { ExpiringReport } from '../fixtures/cluster-expiring.js';
import { within } from '../fixtures/deadline.js';
import { falseClock, removeFalseClock, setClockAhead } from '../fixtures/false-clock.js';
import { type RedisNode, startRedis } from '../fixtures/redis-servers.js';
import { createMutant } from '../proofs/mutant.js';
import { removeNear } from './two-hosts.js';

t.setTimeout(120_000);

const PROGRAM = fileURLToPath(new URL('../fixtures/cluster-expiring.js', import.meta.url));

/** Hours by which the clock is wrong, one after the other; it begins with 0. */
const HOURS = [1, -1, 0];

let server: RedisNode;
t.before(async () => {
  server = await startRedis();
  // The server tells nobody that a row has expired, unless it is asked for that row.
  await server.command('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
});
t.teardown(() => server.stop());

let count = 0;

async function reportsOf(t: Test, subject = {}): Promise<ExpiringReport[]> {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-clock-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'clock');
  const namespace = `clock-${process.pid}-${count++}`;
  t.teardown(() => removeNear(namespace));
  setClockAhead(file, 0);
  const child = fork(PROGRAM, [server.url, namespace, file, HOURS.join()], {
    env: { ...process.env, ...falseClock(file), ...subject },
  });
  const exit = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exit;
    removeFalseClock(child.pid);
  });
  const [reports] = await within(30_000, 'a report', once(child, 'message'));
  await exit;
  return reports;
}

t.test('a row is known until its lifetime ends, and not after that, while the clock is set by hours', async (t) => {
  const reports = await reportsOf(t);
  t.equal(reports.length, HOURS.length);
  for (const { hours, shifted, hitsBefore, hitsAfter } of reports) {
    t.equal(shifted, hours[1] - hours[0], 'the clock was set');
    t.ok(hitsBefore > 0, `${hours}: ${hitsBefore} hits before the end`);
    t.equal(hitsAfter, 0, `${hours}: no hit after it`);
  }
});

t.test('if the ends of rows were told by the wall clock, that would be seen', async (t) => {
  const folder = createMutant(t, [
    { file: 'cluster/near-table.js', search: '$until: now +', replace: '$until: Date.now() +' },
    { file: 'cluster/near-rows.js', search: 'return now < until(at) &&', replace: 'return Date.now() < until(at) &&' },
  ]);
  const reports = await reportsOf(t, { SHMTABLE_PROOF_SUBJECT: folder });
  for (const { hours, hitsBefore, hitsAfter } of reports) {
    if (hours[1] > hours[0]) t.equal(hitsBefore, 0, `${hours}: too early`);
    else t.ok(hitsAfter > 0, `${hours}: ${hitsAfter} hits too late`);
  }
});
