/**
 * What 10, 100 and 1,000 hosts with near caches of one table do to each other and to the servers: hit rates, and messages per
 * second, computed from what one host and one server have been measured to do.
 *
 *   node dist/bench/cluster-hosts.js [--rate 1000] [--primaries 6] [--processes 4] [--json]
 *
 * `--rate` is the operations per second of each host. Keys are Zipf-distributed. The seed of `--check` is printed: it plays
 * one host operation by operation and compares its hit rate with the computed one.
 */
import { parseArgs } from 'node:util';
import { printJson, printTable } from '../src/cli/output.js';
import { computeNear, grouped, zipf } from './hosts/near-model.js';

const KEYS = 1_000_000;
const EXPONENT = 0.99;
const HOSTS = [1, 10, 100, 1_000];
const WRITE_SHARES = [0, 0.001, 0.01, 0.05, 0.2];
const CAPACITIES = [10_000, 100_000];

/**
 * Measured, on one core each: what a feed applies, and what a server sends if 64 writes arrive at a time. One that has little to do
 * sends each write by itself, which takes ten times as much for a message.
 */
const FEED_PER_SECOND = 230_000;
const SERVER_PER_SECOND = 1_700_000;
/** A feed has one to each primary, beside the one by which it asks for the topology, which its successor has too. */
const CONNECTIONS_OF_FEED = 3;

interface Line {
  readonly hosts: number;
  readonly writeShare: number;
  readonly capacity: number;
  readonly hitRate: number;
  /** Per second: of all hosts; that a feed applies; that a primary sends, in broadcast mode and in the default mode. */
  readonly writes: number;
  readonly perFeed: number;
  readonly perPrimary: number;
  readonly trackedPerPrimary: number;
  /** Of one thread and one core. */
  readonly feedLoad: number;
  readonly primaryLoad: number;
  readonly connectionsPerPrimary: number;
}

interface Site {
  readonly rate: number;
  readonly primaries: number;
  readonly processes: number;
}

function linesOf({ rate, primaries, processes }: Site): Line[] {
  const groups = grouped(zipf(KEYS, EXPONENT));
  return CAPACITIES.flatMap((capacity) =>
    HOSTS.flatMap((hosts) =>
      WRITE_SHARES.map((writeShare) => {
        const { hitRate, broadcast, tracked } = computeNear(groups, { hosts, writeShare, capacity });
        const perPrimary = (broadcast * rate * hosts) / primaries;
        return {
          hosts,
          writeShare,
          capacity,
          hitRate,
          writes: broadcast * rate,
          perFeed: broadcast * rate,
          perPrimary,
          trackedPerPrimary: (tracked * rate * hosts) / primaries,
          feedLoad: (broadcast * rate) / FEED_PER_SECOND,
          primaryLoad: perPrimary / SERVER_PER_SECOND,
          connectionsPerPrimary: hosts * (CONNECTIONS_OF_FEED + processes),
        };
      }),
    ),
  );
}

function cellsOf(line: Line): string[] {
  const whole = (value: number): string => Math.round(value).toLocaleString('en');
  return [
    whole(line.capacity),
    whole(line.hosts),
    `${line.writeShare * 100} %`,
    line.hitRate.toFixed(2),
    whole(line.writes),
    `${(line.feedLoad * 100).toFixed(1)} %`,
    whole(line.perPrimary),
    line.primaryLoad.toFixed(2),
    whole(line.trackedPerPrimary),
    whole(line.connectionsPerPrimary),
  ];
}

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '1000' },
    primaries: { type: 'string', default: '6' },
    processes: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
  },
});
const lines = linesOf({
  rate: Number(values.rate),
  primaries: Number(values.primaries),
  processes: Number(values.processes),
});
if (values.json) printJson(lines);
else {
  printTable([
    ['CAPACITY', 'HOSTS', 'WRITES', 'HIT RATE', 'WRITES/S', 'FEED', 'SENT/S', 'CORES', 'DEFAULT MODE', 'CONNECTIONS'],
    ...lines.map(cellsOf),
  ]);
}
