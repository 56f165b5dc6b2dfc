import t from 'tap';
import { needsOwnShm } from '../fixtures/own-shm.js';
import { runCorruption } from './corruption/run-corruption.js';
import { sampleSeed } from './sample-seed.js';

const CASES = 300;

t.test(
  'every operation on a damaged table returns a result or an error within a second',
  { skip: needsOwnShm },
  async (t) => {
    const { failures, codes, completed } = await runCorruption(sampleSeed, CASES);
    t.ok(completed, 'the process neither hung nor died');
    t.same(failures, [], `${CASES} cases, seed ${sampleSeed}: ${JSON.stringify(codes)}`);
  },
);
