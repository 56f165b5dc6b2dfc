/**
 * The same table in small pages and in reserved huge ones, side by side: nanoseconds an operation.
 *
 *   node --expose-gc dist/bench/huge-pages.js [--keys 1000000] [--rounds 15] [--operations 20000]
 *
 * Where the system has too few huge pages in reserve it is asked for them (`vm.nr_hugepages`, as root), and gets them back
 * at the end. Without them nothing is measured, and that is printed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { beforeEnd } from '../src/bench/before-end.js';
import { measureInterleaved, speedBeside } from '../src/bench/interleaved.js';
import { ABSENT, benchColumns, OPERATIONS, type RowSubject } from '../src/bench/row-subject.js';
import { spreadOf } from '../src/bench/spread.js';
import { openShmtableIn } from '../src/bench/subjects/shmtable.js';
import { printTable } from '../src/cli/output.js';
import { Table } from '../src/index.js';

const RESERVED = '/proc/sys/vm/nr_hugepages';
const SMALL = 'small pages';
const HUGE = 'huge pages';

function numberIn(path: string, key: string): number {
  return Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
}

/**
 * Sees to it that so many bytes of huge pages are free. Returns what gives back those that it reserved, or why there are
 * none.
 */
function reserve(bytes: number): (() => void) | string {
  const pageBytes = numberIn('/proc/meminfo', 'Hugepagesize') * 1024;
  if (pageBytes === 0) return 'this system has none';
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

/** What is measured as huge pages must be some: others may have taken those that were free. */
function checked(hugePages: boolean, subject: RowSubject): RowSubject {
  const kibibytes = numberIn('/proc/meminfo', 'Hugepagesize');
  if (
    hugePages &&
    !new RegExp(`^KernelPageSize: +${kibibytes} kB$`, 'm').test(readFileSync('/proc/self/smaps', 'utf8'))
  ) {
    throw new Error('the table got no huge pages: somebody else has taken them');
  }
  return subject;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      keys: { type: 'string', default: '1000000' },
      rounds: { type: 'string', default: '15' },
      operations: { type: 'string', default: '20000' },
    },
  });
  // A signal must not skip what gives the pages back.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const keys = Number(values.keys);
  const { total } = Table.bytesFor({ name: 'bench', capacity: keys, columns: benchColumns });
  const reserved = reserve(total);
  if (typeof reserved === 'string') {
    console.log(`huge pages: not measured, ${reserved}`);
    return;
  }
  try {
    const open = (subject: string, hugePages: boolean) => (keys: readonly string[]) =>
      checked(
        hugePages,
        openShmtableIn({ backend: 'anonymous', name: `bench-${process.pid}-${hugePages}`, hugePages }, subject, keys),
      );
    const measurements = await measureInterleaved([open(SMALL, false), open(HUGE, true)], {
      operations: OPERATIONS,
      absent: ABSENT,
      keys,
      rounds: Number(values.rounds),
      sliceOperations: Number(values.operations),
    });
    const lines = OPERATIONS.flatMap((operation) => {
      const [small, huge] = [SMALL, HUGE].map((subject) =>
        measurements.find((measured) => measured.subject === subject && measured.operation === operation),
      );
      if (small === undefined || huge === undefined) return [];
      const [smallNs, hugeNs] = [small, huge].map(({ roundsNs }) => spreadOf(roundsNs).median.toFixed(0));
      return [[operation, smallNs, hugeNs, `${speedBeside(huge, small).median.toFixed(2)} x`]];
    });
    printTable([[`${keys} ROWS, ${Math.ceil(total / 2 ** 20)} MiB`, `${SMALL} ns`, `${HUGE} ns`, 'faster'], ...lines]);
  } finally {
    reserved();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
