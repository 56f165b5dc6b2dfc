/** The benchmark runs, compares all subjects in every operation, and writes what it printed. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import type { Report } from '../../bench/report.js';
import { OPERATIONS } from '../../bench/subject.js';

const program = fileURLToPath(new URL('../../bench/run.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'shmtable-bench-'));
t.teardown(() => rmSync(folder, { recursive: true }));

function runBench(...flags: string[]): Promise<{ stdout: string }> {
  return promisify(execFile)(process.execPath, [program, ...flags]);
}

t.test('refuses flags that are no sizes', async (t) => {
  for (const flag of ['--keys=0', '--keys=10,x', '--rounds=1.5', '--operations=-1']) {
    await t.rejects(runBench(flag, `--json=${join(folder, 'none.json')}`), { code: 1 }, flag);
  }
  t.throws(() => readFileSync(join(folder, 'none.json')), { code: 'ENOENT' }, 'nothing was written');
});

t.test('a small run measures every operation of every subject at every size', async (t) => {
  const file = join(folder, 'small.json');
  const { stdout } = await runBench('--keys=10,200', '--rounds=3', '--operations=100', `--json=${file}`);
  const report: Report = JSON.parse(readFileSync(file, 'utf8'));
  t.equal(report.baseline, 'Map');
  t.match(report, { rounds: 3, sliceOperations: 100, node: process.version });
  for (const keys of [10, 200]) {
    for (const operation of OPERATIONS) {
      const measured = report.measurements.filter((each) => each.keys === keys && each.operation === operation);
      t.same(
        measured.map(({ subject }) => subject),
        ['Map', 'Map by reference', 'shmtable'],
        `${operation} with ${keys} keys`,
      );
      t.ok(
        measured.every(({ nsPerOperation, ratio }) => nsPerOperation.median > 0 && ratio.median > 0),
        'with times',
      );
      t.match(stdout, new RegExp(`^${keys} +${operation.replace('+', '\\+')} +shmtable +\\d`, 'm'));
    }
  }
});
