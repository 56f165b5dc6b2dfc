import t from 'tap';
import { killWorkers } from '../proofs/service/worker-kills.js';

/** `npm run proof` kills many more workers. */
const KILLS = 1;

t.test('workers killed under load: no write is lost, no request hangs', async (t) => {
  const report = await killWorkers(t, KILLS);
  t.comment(`${report.answers} answers, ${report.resets} resets, ${KILLS} kills`);
  t.same(report.problems, [], 'clients saw no errors other than resets');
  t.ok(report.resets <= 64 * KILLS, 'only connections of the dead workers were reset');
  t.same(report.lost, [], 'no acknowledged write is lost');
  t.same(report.broken, []);
});
