/** Four processes of one version of a program are replaced, one by one and under load, by those of another, and back. */
import t, { type Test } from 'tap';
import type { DeployedReport } from '../../fixtures/deployed-program.js';
import { Table, testBackend } from '../../fixtures/placed-table.js';
import { Child } from '../child.js';
import { scratchName } from '../scratch-table.js';

const PROCESSES = 4;
/** Rows that are there throughout. */
const KEPT = 10_000;

type Program = Child<DeployedReport | 'ready'>;

async function start(t: Test, name: string, version: number): Promise<Program> {
  const program = Child.start<DeployedReport | 'ready'>(t, 'deployed-program', name, version);
  t.equal(await program.next(), 'ready');
  return program;
}

async function stop(program: Program): Promise<DeployedReport> {
  program.go();
  const report = await program.next();
  if (report === 'ready') throw new Error('it was ready before');
  return report;
}

if (testBackend === 'posix' || testBackend === 'file') {
  t.test('version 1 is replaced by 2, which is taken back, and then by 3, which has the old schema', testDeployments);
} else {
  t.pass(`a ${testBackend} table cannot be altered by several processes`);
}

async function testDeployments(t: Test): Promise<void> {
  const name = scratchName(t);
  let running = await Promise.all(Array.from({ length: PROCESSES }, () => start(t, name, 1)));
  using table = Table.open(name);
  for (let i = 0; i < KEPT; i++) table.set(`kept-${i}`, { n: i, name: `name ${i}` });
  const ended: DeployedReport[] = [];
  const deploy = async (version: number): Promise<void> => {
    const next: Program[] = [];
    for (const old of running) {
      next.push(await start(t, name, version));
      ended.push(await stop(old));
    }
    running = next;
  };

  await deploy(2);
  t.match(table, { capacity: 40_000, schemaVersion: 2, columns: { n: 'int32', name: 'string(12)', visits: 'int64' } });
  await deploy(1);
  t.match(table, { capacity: 40_000, schemaVersion: 2 }, 'an earlier version alters nothing');
  using whole = Table.open(name);
  const sumOf = (column: 'n' | 'visits'): number => {
    let sum = 0;
    for (const [key, row] of whole) if (key.startsWith('count-')) sum += Number(Reflect.get(row, column));
    return sum;
  };
  const total = (of: (report: DeployedReport) => number): number => ended.reduce((sum, each) => sum + of(each), 0);
  t.equal(
    sumOf('visits'),
    total(({ visits }) => visits),
    'version 1 has not touched the column of version 2',
  );
  await deploy(3);
  t.same(whole.columns, { n: 'int32', name: 'string(12)', visits: 'int64' }, 'as it was seen last');
  t.throws(() => whole.get('kept-0'), { code: 'ERR_SCHEMA_MISMATCH' }, 'it depends on the column that is gone');
  for (const program of running) ended.push(await stop(program));

  using now = Table.open(name);
  t.match(now, { capacity: 20_000, schemaVersion: 3, columns: { n: 'int32', name: 'string(12)' } });
  let counted = 0;
  let kept = 0;
  let own = 0;
  for (const [key, row] of now) {
    const { n, name: text } = row as { n: number; name: string };
    if (key.startsWith('count-')) counted += n;
    else if (key.startsWith('own-')) own++;
    else if (key === `kept-${n}` && text === `name ${n}`) kept++;
  }
  t.equal(
    counted,
    total(({ increments }) => increments),
    `${counted} increments`,
  );
  t.equal(
    own,
    total(({ rows }) => rows),
    `${own} rows`,
  );
  t.equal(kept, KEPT);
  t.equal(
    total(({ wrong }) => wrong),
    0,
    'every row was read as it was written',
  );
  for (const { errors } of ended) {
    // What a writer may get while the table is being altered.
    const others = Object.keys(errors).filter((code) => code !== 'ERR_LOCK_TIMEOUT');
    t.same(others, [], JSON.stringify(errors));
  }
  t.equal(ended.length, PROCESSES * 4, 'each was replaced three times');
  const { ok, problems } = now.verify();
  t.ok(ok, problems.join('; '));
}
