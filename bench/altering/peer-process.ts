/**
 * A process that uses the table named by its argument: begins a job when its parent sends one, and reports when it is
 * told to stop.
 */
import { freshKey } from '../../src/bench/fresh-keys.js';
import { quantile } from '../../src/bench/spread.js';
import { Table } from '../../src/index.js';
import type { AlteringJob, AlteringResult } from './altering-jobs.js';

/** Operations between two looks at the messages. */
const BURST = 1_000;
const MAX_TIMINGS = 1 << 22;

const table = Table.open(process.argv[2], { lockTimeoutMs: 60_000 });
const timings = new Float64Array(MAX_TIMINGS);
let stop: (() => void) | undefined;

process.on('message', (message: AlteringJob | 'stop') => {
  if (message === 'stop') stop?.();
  else begin(message);
});
process.once('disconnect', () => {
  table.close();
  process.exit();
});
process.send?.('ready');

function begin(job: AlteringJob): void {
  const began = performance.now();
  let isOver = false;
  let operations = 0;
  let longestMs = 0;
  const act = actionOf(job);
  const burst = (): void => {
    const due = job.kind === 'write' ? ((performance.now() - began) * job.rowsPerSecond) / 1000 : operations + BURST;
    while (operations < due) {
      const key = freshKey((operations * 7919) % job.rows);
      const start = performance.now();
      act(key);
      const took = performance.now() - start;
      timings[operations % MAX_TIMINGS] = took;
      if (took > longestMs) longestMs = took;
      operations++;
    }
    if (!isOver) {
      if (job.kind === 'write') setTimeout(burst, 1);
      else setImmediate(burst);
      return;
    }
    const sorted = timings.subarray(0, Math.min(operations, MAX_TIMINGS)).sort();
    process.send?.({ operations, p999Ns: quantile(sorted, 0.999) * 1e6, longestMs } satisfies AlteringResult);
  };
  stop = () => {
    isOver = true;
  };
  setImmediate(burst);
}

function actionOf({ kind }: AlteringJob): (key: string) => unknown {
  if (kind === 'read') return (key) => table.get(key, 'count');
  return (key) => table.increment(key, 'count');
}
