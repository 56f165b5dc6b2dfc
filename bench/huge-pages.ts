/**
 * The same table in small pages, in transparent huge pages and in reserved huge pages, interleaved: nanoseconds per
 * operation, and how many times as fast.
 *
 *   node --expose-gc dist/bench/huge-pages.js [--keys 1000000] [--rounds 15] [--operations 20000]
 *
 * If too few huge pages are reserved, more are requested (`vm.nr_hugepages`, as root) and released at the end. Kinds
 * that are not available are left out and listed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { beforeEnd } from '../src/bench/before-end.js';
import { measureInterleaved, relativeSpeed } from '../src/bench/interleaved.js';
import {
  ABSENT,
  benchColumns,
  OPERATIONS,
  type OpenRowSubject,
  orLeaveOut,
  type RowSubject,
} from '../src/bench/row-subject.js';
import { spreadOf } from '../src/bench/spread.js';
import { openShmtableIn, openShmtableInHugePages } from '../src/bench/subjects/shmtable.js';
import { printTable } from '../src/cli/output.js';
import { type BackendName, Table } from '../src/index.js';

const RESERVED = '/proc/sys/vm/nr_hugepages';
const SMALL = 'small pages';
const TRANSPARENT = 'transparent huge pages';
const RESERVED_PAGES = 'reserved huge pages';

function numberIn(path: string, key: string): number {
  return Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
}

/**
 * Ensures that this many bytes of huge pages are free. Returns a function that releases those that it reserved, or the
 * reason why there are none.
 */
function reserve(bytes: number): (() => void) | string {
  const pageBytes = numberIn('/proc/meminfo', 'Hugepagesize') * 1024;
  if (pageBytes === 0) return 'this system has no huge pages';
  const free = (): number => numberIn('/proc/meminfo', 'HugePages_Free') - numberIn('/proc/meminfo', 'HugePages_Rsvd');
  const missing = Math.ceil(bytes / pageBytes) - free();
  if (missing <= 0) return () => {};
  const before = readFileSync(RESERVED, 'utf8').trim();
  try {
    writeFileSync(RESERVED, String(Number(before) + missing));
  } catch {
    return `${missing} more would have to be reserved in ${RESERVED}, which needs root`;
  }
  const giveBack = beforeEnd(() => writeFileSync(RESERVED, before));
  if (free() * pageBytes >= bytes) return giveBack;
  giveBack();
  return `the system has no room for ${missing} more`;
}

interface Pages {
  readonly name: string;
  readonly backend: BackendName;
  /** What this process's memory map shows if it has such pages. */
  readonly seen: RegExp;
}

const KINDS: readonly Pages[] = [
  { name: TRANSPARENT, backend: 'posix', seen: /^ShmemPmdMapped: +[1-9]/m },
  { name: RESERVED_PAGES, backend: 'anonymous', seen: /^KernelPageSize: +2048 kB$/m },
];

function openSmall(keys: readonly string[]): RowSubject {
  return openShmtableIn({ backend: 'anonymous' }, SMALL, keys);
}

/** Opens a table with such pages. A posix table would outlive this process. */
function openIn({ name, backend, seen }: Pages): OpenRowSubject {
  return (keys) => {
    const subject = openShmtableInHugePages(backend, name, keys, seen);
    return { ...subject, close: beforeEnd(() => void subject.close()) };
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      keys: { type: 'string', default: '1000000' },
      rounds: { type: 'string', default: '15' },
      operations: { type: 'string', default: '20000' },
    },
  });
  // A signal must not prevent the release of the pages.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const keys = Number(values.keys);
  const { total } = Table.bytesFor({ name: 'bench', capacity: keys, columns: benchColumns });
  const reserved = reserve(total);
  try {
    const leftOut = typeof reserved === 'string' ? [`${RESERVED_PAGES}: ${reserved}`] : [];
    const kinds = KINDS.filter(({ name }) => name !== RESERVED_PAGES || typeof reserved !== 'string');
    const opening = kinds.map((kind) => orLeaveOut(kind.name, openIn(kind), leftOut));
    const measurements = await measureInterleaved([openSmall, ...opening], {
      operations: OPERATIONS,
      absent: ABSENT,
      keys,
      rounds: Number(values.rounds),
      sliceOperations: Number(values.operations),
    });
    const lines = OPERATIONS.map((operation) => {
      const [small, ...others] = measurements.filter((each) => each.operation === operation);
      const faster = others.map((each) => `${relativeSpeed(each, small).median.toFixed(2)} x`);
      return [operation, spreadOf(small.roundsNs).median.toFixed(0), ...faster];
    });
    const measured = new Set(measurements.map(({ subject }) => subject));
    const head = [`${keys} ROWS, ${Math.ceil(total / 2 ** 20)} MiB`, `${SMALL} ns`];
    printTable([[...head, ...[...measured].filter((name) => name !== SMALL)], ...lines]);
    for (const line of leftOut) console.log(`not measured: ${line}`);
  } finally {
    if (typeof reserved !== 'string') reserved();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
