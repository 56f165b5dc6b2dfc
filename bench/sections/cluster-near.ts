/** A near hit of a table in a cluster, compared with a table in shared memory, and with node-redis and its own cache. */
import { type Figure, ratioFigure, rowCount } from '../../src/bench/figure.js';
import { freshKey } from '../../src/bench/fresh-keys.js';
import { type Measurement, measureInterleaved, type Subject } from '../../src/bench/interleaved.js';
import { type Effort, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { spreadOf } from '../../src/bench/spread.js';
import { openShmtable } from '../../src/bench/subjects/shmtable.js';
import { type BenchClusterTable, RowCluster, warm, wireKey } from '../clusters/row-cluster.js';

type GetRow = 'get row';
const OPERATIONS: GetRow[] = ['get row'];
/** More rows are only compared with a table in shared memory: the cache of node-redis would take a gigabyte. */
const MOST_FOR_OTHERS = 100_000;
/** A trip to a server takes as long as hundreds of near hits. */
const SHARE_OF_SLICE = 1 / 40;

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const keys = rowsFor(effort, rows);
  const cluster = await RowCluster.start(keys);
  try {
    const near = await cluster.table({ capacity: keys });
    await warm(near, keys);
    const { rounds, sliceOperations } = effort;
    const peek = (): Subject<GetRow> => peekSubject(near);
    const plain = { operations: OPERATIONS, keys, rounds, sliceOperations };
    const [table, peeked] = await measureInterleaved<GetRow>([openPlain, peek], plain);
    const figures = figuresOfPeek(table, peeked, rowCount(keys));
    if (rows > MOST_FOR_OTHERS) return { figures };

    const bare = bareSubject('node-redis HGETALL, one at a time', await cluster.bare());
    const cached = bareSubject("node-redis' client-side cache", await cluster.bare(keys));
    await cached.slices['get row']?.(Array.from({ length: keys }, (_, i) => freshKey(i)));
    const subjects = [peek, () => awaitSubject(near), () => bare, () => cached];
    const short = { ...plain, sliceOperations: Math.max(1, Math.round(sliceOperations * SHARE_OF_SLICE)) };
    const measured = await measureInterleaved<GetRow>(subjects, short);
    return { figures: [...figures, ...figuresOfOthers(measured, rowCount(keys))] };
  } finally {
    await cluster.stop();
  }
}

function openPlain(keys: readonly string[]): Subject<GetRow> {
  return { ...openShmtable(keys), name: 'get of a table in shared memory' };
}

function peekSubject(table: BenchClusterTable): Subject<GetRow> {
  return {
    name: 'peek',
    slices: {
      'get row': (keys) => {
        let sum = 0;
        for (const key of keys) {
          const row = table.peek(key);
          if (row !== undefined) sum += row.count + row.label.length;
        }
        return sum;
      },
    },
    close: () => undefined,
  };
}

function awaitSubject(table: BenchClusterTable): Subject<GetRow> {
  return {
    name: 'await get',
    slices: {
      'get row': async (keys) => {
        let sum = 0;
        for (const key of keys) {
          const row = await table.get(key);
          if (row !== undefined) sum += row.count + row.label.length;
        }
        return sum;
      },
    },
    close: () => undefined,
  };
}

/** Reads the fields of a hash; those that are numbers arrive as text. */
function bareSubject(name: string, bare: Awaited<ReturnType<RowCluster['bare']>>): Subject<GetRow> {
  return {
    name,
    slices: {
      'get row': async (keys) => {
        let sum = 0;
        for (const key of keys) {
          const row = await bare.hGetAll(wireKey(key));
          sum += Number(row.count) + row.label.length;
        }
        return sum;
      },
    },
    close: () => undefined,
  };
}

function figuresOfPeek(table: Measurement, peeked: Measurement, rows: string): Figure[] {
  return [
    // 1.6 times as long.
    ratioFigure(`peek of a near hit, ${rows}`, peeked, table, { target: { atLeast: 1 / 1.6 } }),
    {
      what: `what peek takes more than get of a table in shared memory, ${rows}`,
      unit: 'ns',
      value: spreadOf(peeked.roundsNs.map((ns, round) => ns - table.roundsNs[round])),
      target: { below: 80 },
    },
  ];
}

function figuresOfOthers([peeked, awaited, bare, cached]: readonly Measurement[], rows: string): Figure[] {
  return [
    ratioFigure(`peek of a near hit, ${rows}`, peeked, bare, { target: { atLeast: 100 } }),
    ratioFigure(`peek of a near hit, ${rows}`, peeked, cached, { target: { atLeast: 15 } }),
    {
      what: `await get of a near hit, ${rows}`,
      unit: 'ns',
      value: spreadOf(awaited.roundsNs),
      target: { below: 1_000 },
    },
    ratioFigure(`await get of a near hit, ${rows}`, awaited, cached),
  ];
}
