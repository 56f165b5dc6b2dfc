import t from 'tap';
import { runFuzz } from './fuzz/run-fuzz.js';

const SEED = 20_260_101;
const REQUESTS = 1_600;

t.test(`${REQUESTS} random requests, seed ${SEED}: every response is documented`, async (t) => {
  const { failures, statuses } = await runFuzz({ seed: SEED, requests: REQUESTS });
  t.same(failures, []);
  for (const [operation, counts] of statuses)
    t.ok(
      [...counts.keys()].some((status) => status < 300),
      `${operation} succeeds`,
    );
});
