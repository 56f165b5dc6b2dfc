/** Measures scenarios of several concurrent processes, one window of each scenario in every round. */
import type { Job, JobResult } from './peer-jobs.js';
import type { Peers } from './peers.js';
import type { Effort } from './section.js';

/** Rounds before the measured ones, in which the processes compile their loops. */
const WARM_UP_ROUNDS = 2;

/**
 * A scenario is a job for each process that takes part. Resolves with the results of its rounds for each scenario; the
 * order in which they run changes with the round.
 */
export async function measureScenarios(
  peers: Peers,
  { rounds }: Pick<Effort, 'rounds'>,
  scenarios: readonly (readonly Job[])[],
): Promise<JobResult[][][]> {
  const results: JobResult[][][] = scenarios.map(() => []);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (let turn = 0; turn < scenarios.length; turn++) {
      const scenario = (turn + round + WARM_UP_ROUNDS) % scenarios.length;
      const result = await peers.run(scenarios[scenario]);
      if (round >= 0) results[scenario].push(result);
    }
  }
  return results;
}
