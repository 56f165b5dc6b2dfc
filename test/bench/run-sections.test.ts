/** Each section runs in a separate process, and a section that fails does not affect the others. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { runSections, selectSections } from '../../src/bench/run-sections.js';
import { EFFORTS, type Section } from '../../src/bench/section.js';

function section(name: string, source: string, rows?: number): Section {
  return {
    name,
    module: `data:text/javascript,${encodeURIComponent(source)}`,
    ...(rows === undefined ? {} : { rows }),
  };
}

const figure = `{ what: String(process.pid), unit: 'x', value: { median: rows } }`;

t.test('each section runs in a separate process, with its number of rows', async (t) => {
  const source = `export const run = async (effort, rows) => ({ figures: [${figure}], leftOut: ['something'] });`;
  const { figures, leftOut } = await runSections([section('a', source, 7), section('b', source)], EFFORTS.smoke);
  t.same(
    figures.map(({ section, value }) => [section, value.median]),
    [
      ['a', 7],
      ['b', 0],
    ],
  );
  t.equal(new Set([String(process.pid), ...figures.map(({ what }) => what)]).size, 3, 'three processes');
  t.same(leftOut, ['a: something', 'b: something']);
});

t.test('a section that fails is left out and reported', async (t) => {
  const begun: string[] = [];
  const { figures, leftOut } = await runSections(
    [
      section('ends', 'process.exit(3)'),
      section('lacks', `await import('node:nothing-of-this-name')`),
      section('works', `export const run = async (effort, rows) => ({ figures: [${figure}] })`, 1),
    ],
    EFFORTS.smoke,
    ({ name }) => begun.push(name),
  );
  t.same(begun, ['ends', 'lacks', 'works']);
  t.same(
    figures.map(({ section }) => section),
    ['works'],
  );
  t.match(leftOut, [/^ends: /, /^lacks: /]);
});

t.test('sections are selected by prefixes of their names', async (t) => {
  const sections = ['rows-10', 'rows-100', 'reading'].map((name) => section(name, ''));
  const selected = (only?: string) => selectSections(sections, only).map(({ name }) => name);
  t.same(selected(), ['rows-10', 'rows-100', 'reading']);
  t.same(selected('rows'), ['rows-10', 'rows-100']);
  t.same(selected('rows-100,rea'), ['rows-100', 'reading']);
  t.throws(() => selected('rows,'), { code: 'ERR_ARGUMENT' }, 'an empty prefix would select every section');
  t.throws(() => selected('rows,nonsense'), { code: 'ERR_ARGUMENT', message: /'nonsense'/ });
});

t.test('a section cleans up when its parent has died, or when it is told to end', async (t) => {
  const folder = t.testdir();
  const beforeEnd = new URL('../../src/bench/before-end.js', import.meta.url).href;
  const endings: [string, (child: ChildProcess) => void][] = [
    ['left', (child) => child.disconnect()],
    ['terminated', (child) => child.kill('SIGTERM')],
    ['interrupted', (child) => child.kill('SIGINT')],
  ];
  for (const [name, end] of endings) {
    const file = join(folder, name);
    const source = `
      import { rmSync, writeFileSync } from 'node:fs';
      import { beforeEnd } from '${beforeEnd}';
      export const run = () => {
        writeFileSync('${file}', '');
        beforeEnd(() => rmSync('${file}'));
        process.send('made');
        return new Promise(() => setInterval(() => undefined, 1000));
      };`;
    const child = fork(fileURLToPath(new URL('../../src/bench/section-process.js', import.meta.url)));
    child.send({ section: section(name, source), effort: EFFORTS.smoke });
    t.same(await once(child, 'message'), ['made', undefined]);
    t.ok(existsSync(file));
    const exit = once(child, 'exit');
    end(child);
    t.same(await exit, [1, null], name);
    t.notOk(existsSync(file));
  }
});
