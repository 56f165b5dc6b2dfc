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
