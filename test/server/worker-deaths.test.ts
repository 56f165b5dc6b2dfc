import t from 'tap';
import { killWorkers } from '../proofs/service/worker-kills.js';

/** `npm run proof` does it for half a minute. */
const DURATION_MS = 8000;

t.test('workers killed under load: no write is lost, no request hangs', async (t) => {
  const report = await killWorkers(t, DURATION_MS);
  t.comment(`${report.answers} answers, ${report.resets} resets, ${report.kills} kills`);
  t.ok(report.kills >= 2, 'workers were killed');
  t.ok(report.answers > 100, 'others answered');
  t.same(report.problems, [], 'clients saw resets only');
  t.ok(report.resets <= 64 * report.kills, 'and those of connections that the dead workers had');
  t.same(report.lost, [], 'every acknowledged write is there');
  t.same(report.broken, []);
});
