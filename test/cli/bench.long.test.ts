/** `shmtable bench`: the part of the benchmark that is in the package. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import type { Report } from '../../src/bench/report.js';
import { TABLE_SECTIONS } from '../../src/bench/table-sections.js';

const command = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const run = (...args: string[]) => promisify(execFile)(process.execPath, [command, 'bench', ...args]);

t.test('every section has figures, and every target that needs only the table is among them', async (t) => {
  const { stdout } = await run('--smoke', '--json');
  const report: Report = JSON.parse(stdout);
  t.same(report.leftOut, [], 'nothing failed');
  t.same(
    [...new Set(report.figures.map(({ section }) => section))],
    TABLE_SECTIONS.map(({ name }) => name),
  );
  for (const { what, value } of report.figures) {
    t.ok(Number.isFinite(value.median) && value.median >= 0, `${what}: ${value.median}`);
    t.ok(
      value.minimum <= value.lowerQuartile && value.lowerQuartile <= value.upperQuartile,
      'the quartiles are in order',
    );
  }
  const targets = report.figures.filter(({ target }) => target !== undefined);
  t.equal(targets.length, 18);
});
