import { readFileSync } from 'node:fs';
import type { Mapping } from './native.js';
import { attemptedInProc, errnoName } from './system-error.js';

/** Of transparent huge pages. */
const HUGE_PAGE_BYTES = 2 ** 21;

/**
 * Asks the kernel to put huge pages under a mapping of `size` bytes. They only make it faster, so where there are none the
 * mapping keeps its small ones and one warning a segment, `SHMTABLE_HUGE_PAGES`, says why.
 */
export function useHugePages(mapping: Mapping, size: number, subject: string): void {
  const result = mapping.useHugePages();
  if (result >= 0) return;
  const reason =
    size < HUGE_PAGE_BYTES ? `its ${size} bytes are less than one of ${HUGE_PAGE_BYTES}` : errnoName(result);
  process.emitWarning(`No huge pages for ${subject}: ${reason}. It works with small ones.`, {
    type: 'ShmTableWarning',
    code: 'SHMTABLE_HUGE_PAGES',
  });
}

/**
 * Bytes of the pages that memory of this size is made of when the machine has reserved huge ones for it: 0 when it has
 * not (`vm.nr_hugepages`), or when the memory is smaller than one.
 */
export function hugePageBytes(size: number): number {
  const path = '/proc/meminfo';
  const text = attemptedInProc(
    () => `read ${path}`,
    () => readFileSync(path, 'utf8'),
  );
  const number = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  const bytes = number('Hugepagesize') * 1024;
  const free = number('HugePages_Free') - number('HugePages_Rsvd');
  return bytes > 0 && size >= bytes && free * bytes >= size ? bytes : 0;
}
