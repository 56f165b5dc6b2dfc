import { readFileSync } from 'node:fs';
import type { MappedMemory } from './platform.js';
import { attemptedInProc, errnoName } from './system-error.js';

/** Size of transparent huge pages. */
const HUGE_PAGE_BYTES = 2 ** 21;

/**
 * Asks the kernel for huge pages in a mapping of `size` bytes. They only affect speed, so if there are none the mapping
 * keeps its small pages, and one warning per segment, `SHMTABLE_HUGE_PAGES`, gives the reason.
 */
export function useHugePages(mapping: MappedMemory, size: number, subject: string): void {
  const result = mapping.useHugePages();
  if (result >= 0) return;
  const reason =
    size < HUGE_PAGE_BYTES ? `its ${size} bytes are less than one page of ${HUGE_PAGE_BYTES}` : errnoName(result);
  process.emitWarning(`no huge pages for ${subject}: ${reason}; it uses small pages`, {
    type: 'ShmTableWarning',
    code: 'SHMTABLE_HUGE_PAGES',
  });
}

/**
 * Returns the size of the reserved huge pages (`vm.nr_hugepages`) for memory of this size, or 0 when there are not
 * enough or the memory is smaller than one page.
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
