import { readFileSync } from 'node:fs';
import type { Mapping } from './native.js';
import { errnoName } from './system-error.js';

/**
 * Asks the kernel to put huge pages under a mapping. They only make it faster, so where there are none the mapping
 * keeps its small ones and one warning a segment, `SHMTABLE_HUGE_PAGES`, gives the kernel's reason.
 */
export function useHugePages(mapping: Mapping, subject: string): void {
  const result = mapping.useHugePages();
  if (result >= 0) return;
  process.emitWarning(`No huge pages for ${subject}: ${errnoName(result)}. It works with small ones.`, {
    type: 'ShmTableWarning',
    code: 'SHMTABLE_HUGE_PAGES',
  });
}

/**
 * Bytes of the pages that memory of this size is made of when the machine has reserved huge ones for it: 0 when it has
 * not (`vm.nr_hugepages`), or when the memory is smaller than one.
 */
export function hugePageBytes(size: number): number {
  const text = readFileSync('/proc/meminfo', 'utf8');
  const number = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  const bytes = number('Hugepagesize') * 1024;
  const free = number('HugePages_Free') - number('HugePages_Rsvd');
  return bytes > 0 && size >= bytes && free * bytes >= size ? bytes : 0;
}
