/** Writes of a table in a cluster, compared with node-redis that calls the same script with the same arguments. */
import { ratioFigure } from '../../src/bench/figure.js';
import { measureInterleaved, type Subject } from '../../src/bench/interleaved.js';
import { rowOf } from '../../src/bench/row-subject.js';
import { type Effort, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { WRITE } from '../../src/cluster/scripts.js';
import { RowCluster, wireKey } from '../clusters/row-cluster.js';

/** Writes under way at a time. */
const AT_ONCE = { 'one at a time': 1, '64 at a time': 64 } as const;
type Writes = keyof typeof AT_ONCE;
const KINDS = Object.keys(AT_ONCE) as Writes[];
const SHARE_OF_SLICE = 1 / 20;

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const keys = rowsFor(effort, rows);
  const cluster = await RowCluster.start(keys);
  try {
    const table = await cluster.table(false);
    const bare = await cluster.bare();
    // Every server has to know the script.
    const load = async (key: string): Promise<void> => {
      await bare.sendCommand(wireKey(key), false, ['EVAL', WRITE.text, '1', wireKey(key), ...argumentsOf(0)]);
    };
    await Promise.all(Array.from({ length: 100 }, (_, i) => load(`load-${i}`)));
    const measured = await measureInterleaved<Writes>(
      [
        () => subject('set of a table in a cluster', (key, i) => table.set(key, rowOf(i))),
        () =>
          subject('node-redis with the same script', (key, i) => {
            const wire = wireKey(key);
            return bare.sendCommand(wire, false, ['EVALSHA', WRITE.sha, '1', wire, ...argumentsOf(i)]);
          }),
      ],
      {
        operations: KINDS,
        keys,
        rounds: effort.rounds,
        sliceOperations: Math.max(1, Math.round(effort.sliceOperations * SHARE_OF_SLICE)),
      },
    );
    const figures = KINDS.map((kind) => {
      const [ours, theirs] = measured.filter(({ operation }) => operation === kind);
      return ratioFigure(`set in a cluster, ${kind}`, ours, theirs, { target: { atLeast: 0.9 } });
    });
    return { figures };
  } finally {
    await cluster.stop();
  }
}

function subject(name: string, set: (key: string, position: number) => Promise<unknown>): Subject<Writes> {
  const slice = (atOnce: number) => async (keys: readonly string[]) => {
    for (let start = 0; start < keys.length; start += atOnce) {
      await Promise.all(keys.slice(start, start + atOnce).map((key, i) => set(key, start + i)));
    }
    return keys.length;
  };
  return {
    name,
    slices: Object.fromEntries(KINDS.map((kind) => [kind, slice(AT_ONCE[kind])])),
    close: () => undefined,
  };
}

/** What the table sends for a `set` of this row. */
function argumentsOf(position: number): string[] {
  const { count, score, label } = rowOf(position);
  return ['set', '', '', '', '0', 'count', String(count), 'score', String(score), 'label', label];
}
