import { readFileSync } from 'node:fs';
import { Table } from '../../table/table.js';
import type { BackendName } from '../../table/types.js';
import { benchColumns, type RowSubject, rowOf } from '../row-subject.js';

export const SHMTABLE = 'shmtable';

/** This package's table, in memory that is freed with the process. */
export function openShmtable(keys: readonly string[]): RowSubject {
  return openShmtableIn({ backend: 'anonymous' }, SHMTABLE, keys);
}

/** Rounds of every operation on the other tables before the third is measured: enough for the compiler. */
const USED_ROUNDS = 20;

/** The same table as the third of this process; every operation has run many times on each of them. */
export function openThirdTable(keys: readonly string[]): RowSubject {
  const others = [1, 2].map((n) =>
    openShmtableIn({ backend: 'anonymous', name: `bench-${process.pid}-${n}` }, SHMTABLE, keys),
  );
  for (const { slices } of others) {
    for (let round = 0; round < USED_ROUNDS; round++) for (const slice of Object.values(slices)) slice(keys);
  }
  const third = openShmtable(keys);
  return {
    ...third,
    close: async () => {
      for (const { close } of [...others, third]) await close();
    },
  };
}

export const SHMTABLE_HUGE = 'shmtable, huge pages';
/** Fewer rows do not fill a huge page. */
export const MIN_ROWS_IN_HUGE_PAGES = 20_000;

/** What this process's memory map shows if it has huge pages of shared memory, transparent or reserved ones. */
const HUGE_PAGES = /^(ShmemPmdMapped: +[1-9]|KernelPageSize: +2048 kB)/m;

/** The same with `hugePages: true`. Throws if none are available. */
export function openShmtableHuge(keys: readonly string[]): RowSubject {
  return openShmtableInHugePages('anonymous', SHMTABLE_HUGE, keys, HUGE_PAGES);
}

/** The same in huge pages of a kind that `seen` detects in this process's memory map; throws if it does not. */
export function openShmtableInHugePages(
  backend: BackendName,
  subject: string,
  keys: readonly string[],
  seen: RegExp,
): RowSubject {
  const name = `bench-${process.pid}-${subject.replaceAll(/\W+/g, '-')}`;
  const opened = openShmtableIn({ backend, name, hugePages: true }, subject, keys);
  if (seen.test(readFileSync('/proc/self/smaps', 'utf8'))) return opened;
  void opened.close();
  throw new Error('there are no such pages for shared memory here');
}

/** The same with any backend. */
export function openShmtableIn(
  place: {
    readonly backend: BackendName;
    readonly name?: string;
    readonly path?: string | undefined;
    readonly hugePages?: boolean;
  },
  subject: string,
  keys: readonly string[],
): RowSubject {
  const table = Table.create({
    name: `bench-${process.pid}`,
    ...place,
    capacity: keys.length,
    columns: benchColumns,
  });
  keys.forEach((key, i) => {
    table.set(key, rowOf(i));
  });
  return {
    name: subject,
    slices: {
      'get column': (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) sum += table.get(keys[i], 'count') ?? 0;
        return sum;
      },
      'get row': (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) {
          const row = table.get(keys[i]);
          if (row !== undefined) sum += row.count + row.label.length;
        }
        return sum;
      },
      'missing key': (keys) => {
        let found = 0;
        for (let i = 0; i < keys.length; i++) if (table.has(keys[i])) found++;
        return found;
      },
      set: (keys) => {
        for (let i = 0; i < keys.length; i++) table.set(keys[i], rowOf(i));
        return keys.length;
      },
      increment: (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) sum += table.increment(keys[i], 'count');
        return sum;
      },
      'delete + insert': (keys) => {
        let removed = 0;
        for (let i = 0; i < keys.length; i++) {
          if (table.delete(keys[i])) removed++;
          table.insert(keys[i], rowOf(i));
        }
        return removed;
      },
    },
    close: () => table.destroy(),
  };
}
