/** What is computed about many hosts agrees with one that is played operation by operation, and depends on things as it must. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { computeNear, grouped, simulateHitRate, type Workload, zipf } from '../../bench/hosts/near-model.js';
import { sampleSeed } from '../proofs/sample-seed.js';

const program = fileURLToPath(new URL('../../bench/cluster-hosts.js', import.meta.url));

interface Line extends Workload {
  readonly hitRate: number;
  readonly perFeed: number;
  readonly perPrimary: number;
  readonly trackedPerPrimary: number;
  readonly connectionsPerPrimary: number;
}

t.test('the computed hit rate is that of a host that is played operation by operation', async (t) => {
  t.comment(`seed ${sampleSeed}`);
  const shares = zipf(10_000, 0.99);
  const groups = grouped(shares);
  t.ok(groups.length < 1_000 && Math.abs(groups.reduce((sum, { keys, share }) => sum + keys * share, 0) - 1) < 1e-9);
  const workloads: Workload[] = [
    { hosts: 1, writeShare: 0, capacity: 500 },
    { hosts: 1, writeShare: 0.2, capacity: 500 },
    { hosts: 10, writeShare: 0.05, capacity: 500 },
    { hosts: 10, writeShare: 0.2, capacity: 10_000 },
  ];
  for (const workload of workloads) {
    const { hitRate } = computeNear(groups, workload);
    const played = simulateHitRate(shares, workload, 60_000, sampleSeed);
    t.ok(Math.abs(hitRate - played) < 0.02, `${JSON.stringify(workload)}: ${hitRate.toFixed(3)}, ${played.toFixed(3)}`);
  }
});

t.test('the computed hit rates are those that were measured on one host', async (t) => {
  const groups = grouped(zipf(1_000_000, 0.99));
  const measured = { 10000: [0.577, 0.571, 0.551, 0.474], 100000: [0.774, 0.767, 0.74, 0.633] };
  for (const [capacity, rates] of Object.entries(measured)) {
    for (const [i, writeShare] of [0, 0.01, 0.05, 0.2].entries()) {
      const { hitRate } = computeNear(groups, { hosts: 1, writeShare, capacity: Number(capacity) });
      t.ok(Math.abs(hitRate - rates[i]) < 0.02, `${capacity} rows, ${writeShare}: ${hitRate.toFixed(3)}, ${rates[i]}`);
    }
  }
});

t.test('more writes or hosts make for fewer hits and more messages, more capacity for more hits', async (t) => {
  const text = execFileSync(process.execPath, [program, '--json'], { encoding: 'utf8' });
  const lines: readonly Line[] = JSON.parse(text);
  const rises = (from: Line, to: Line, what: keyof Line) => t.ok(to[what] > from[what], `${what} rises`);
  for (const line of lines) {
    const { hosts, writeShare, capacity } = line;
    const find = (other: Partial<Workload>): Line | undefined =>
      lines.find(
        (each) =>
          each.hosts === (other.hosts ?? hosts) &&
          each.writeShare === (other.writeShare ?? writeShare) &&
          each.capacity === (other.capacity ?? capacity),
      );
    const written = lines.find(
      (each) => each.hosts === hosts && each.capacity === capacity && each.writeShare > writeShare,
    );
    if (written !== undefined) {
      rises(written, line, 'hitRate');
      rises(line, written, 'perFeed');
      rises(line, written, 'perPrimary');
    }
    const more = find({ hosts: hosts * 10 });
    if (more !== undefined) rises(line, more, 'connectionsPerPrimary');
    if (more !== undefined && writeShare > 0) {
      rises(more, line, 'hitRate');
      rises(line, more, 'perPrimary');
    }
    const larger = find({ capacity: capacity * 10 });
    if (larger !== undefined && line.hitRate > 0.1) rises(line, larger, 'hitRate');
    t.ok(line.trackedPerPrimary <= line.perPrimary, 'a server that knows who has read a row never sends more');
  }
  t.ok(lines.some(({ hosts }) => hosts === 1_000));
});
