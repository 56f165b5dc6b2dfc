/** `shmtable bench` with one section; `bench.long.test.ts` runs all of them. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import type { Report } from '../../src/bench/report.js';
import { TABLE_SECTIONS } from '../../src/bench/table-sections.js';
import { sampleSeed } from '../proofs/sample-seed.js';

const command = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const run = (...args: string[]) => promisify(execFile)(process.execPath, [command, 'bench', ...args]);

t.test('--only runs the named section alone', async (t) => {
  const { name } = TABLE_SECTIONS[sampleSeed % TABLE_SECTIONS.length];
  const { stdout } = await run('--smoke', '--json', '--only', name);
  const report: Report = JSON.parse(stdout);
  t.same(report.leftOut, [], `nothing failed, seed ${sampleSeed}`);
  t.ok(report.figures.length > 0, `${report.figures.length} figures`);
  for (const { section, what, value } of report.figures) {
    t.ok(section.startsWith(name), section);
    t.ok(value.median >= 0, `${what}: ${value.median}`);
  }
});

t.test('an unknown section is wrong usage, exit code 2', async (t) => {
  await t.rejects(run('--only', 'nonsense'), { code: 2, stderr: /'nonsense'/ });
});
