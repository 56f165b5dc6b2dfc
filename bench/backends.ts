/**
 * The same table with each backend, interleaved: nanoseconds per operation, and the cost of creating it.
 *
 *   node --expose-gc dist/bench/backends.js [--keys 100000] [--rounds 15] [--operations 20000] [--mib 256]
 *
 * The file is in the folder for temporary files.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureInterleaved } from '../src/bench/interleaved.js';
import { ABSENT, OPERATIONS } from '../src/bench/row-subject.js';
import { spreadOf } from '../src/bench/spread.js';
import { openShmtableIn } from '../src/bench/subjects/shmtable.js';
import { printTable } from '../src/cli/output.js';
import { Table } from '../src/index.js';

const BACKENDS = ['posix', 'anonymous', 'sysv', 'file', 'devzero'] as const;
type Backend = (typeof BACKENDS)[number];

const columns = { data: 'bytes(8000)' } as const;

function placeOf(backend: Backend): { backend: Backend; path?: string } {
  return backend === 'file' ? { backend, path: join(tmpdir(), `shmtable-bench-${process.pid}.table`) } : { backend };
}

/** Milliseconds to create a table of about this many MiB, and to destroy it. */
function measureCreation(backend: Backend, mib: number): { created: number; gone: number } {
  const start = performance.now();
  const table = Table.create({ ...placeOf(backend), name: `bench-${process.pid}`, capacity: mib * 128, columns });
  const created = performance.now();
  table.destroy();
  return { created: created - start, gone: performance.now() - created };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      keys: { type: 'string', default: '100000' },
      rounds: { type: 'string', default: '15' },
      operations: { type: 'string', default: '20000' },
      mib: { type: 'string', default: '256' },
    },
  });
  const measurements = await measureInterleaved(
    BACKENDS.map((backend) => (keys) => openShmtableIn(placeOf(backend), backend, keys)),
    {
      operations: OPERATIONS,
      absent: ABSENT,
      keys: Number(values.keys),
      rounds: Number(values.rounds),
      sliceOperations: Number(values.operations),
    },
  );
  const lines = BACKENDS.map((backend) => {
    const { created, gone } = measureCreation(backend, Number(values.mib));
    const times = OPERATIONS.map((operation) => {
      const found = measurements.find((measured) => measured.subject === backend && measured.operation === operation);
      return found === undefined ? '' : spreadOf(found.roundsNs).median.toFixed(0);
    });
    return [backend, ...times, created.toFixed(0), gone.toFixed(0)];
  });
  printTable([
    ['BACKEND', ...OPERATIONS.map((operation) => `${operation} ns`), `create ${values.mib} MiB ms`, 'destroy ms'],
    ...lines,
  ]);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
