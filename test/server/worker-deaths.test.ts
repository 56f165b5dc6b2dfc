import t from 'tap';
import { killWorkers } from '../proofs/service/worker-kills.js';

/** `npm run proof` kills many more. */
const KILLS = 2;

t.test('workers killed under load: no write is lost, no request hangs', async (t) => {
  const report = await killWorkers(t, KILLS);
  t.comment(`${report.answers} answers, ${report.resets} resets, ${KILLS} kills`);
  t.same(report.problems, [], 'clients saw resets only');
  t.ok(report.resets <= 64 * KILLS, 'and those of connections that the dead workers had');
  t.same(report.lost, [], 'every acknowledged write is there');
  t.same(report.broken, []);
});
