/** The benchmark runs the requested sections, and writes what it prints. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import type { Report } from '../../src/bench/report.js';
import { OPERATIONS } from '../../src/bench/row-subject.js';

const program = fileURLToPath(new URL('../../bench/run.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'shmtable-bench-'));
t.teardown(() => rmSync(folder, { recursive: true }));

function runBench(...flags: string[]): Promise<{ stdout: string }> {
  return promisify(execFile)(process.execPath, [program, ...flags, '--out', folder]);
}

t.test('an unknown section is an error that lists the existing ones', async (t) => {
  await t.rejects(runBench('--only', 'rows,nonsense'), { code: 1, stderr: /rows-100000.*'nonsense'/ });
  t.same(readdirSync(folder), [], 'nothing was written');
});

t.test('a small run compares every operation with every form of Map', async (t) => {
  const { stdout } = await runBench('--smoke', '--only', 'rows-1000');
  const report: Report = JSON.parse(readFileSync(join(folder, 'latest.json'), 'utf8'));
  t.match(report, { effort: 'smoke', node: process.version, leftOut: [] });
  const markdown = readFileSync(join(folder, 'latest.md'), 'utf8');
  for (const rows of ['10', '100']) {
    for (const operation of OPERATIONS) {
      const what = `${operation}, ${rows} rows`;
      const figures = report.figures.filter((figure) => figure.what === what);
      const comparedWith =
        operation === 'get row' ? ['Map', 'Map by reference', 'Map, reused keys'] : ['Map', 'Map, reused keys'];
      t.same(
        figures.map((figure) => figure.comparedWith),
        comparedWith,
        what,
      );
      t.ok(
        figures.every(({ value }) => value.median > 0),
        'with a ratio',
      );
      t.ok(stdout.includes(`${what}  `) && markdown.includes(`| ${what} |`), 'printed and written');
    }
  }
});
