/**
 * A GlobalPool in memory:
 *
 *   +--------+-----------+-----------+-----+-----------+
 *   | header | page 1    | page 2    | ... | page n    |
 *   | 64 B   | pageBytes, rounded up to 8, each        |
 *   +--------+-----------+-----------+-----+-----------+
 *            |<--- handed out --->|<---- untouched --->|
 *                                 ^ position
 *
 *   header  0  magic      u32
 *           4  pageBytes  u32  largest request
 *           8  pages      u32
 *          12  position   u32  in units of 8 bytes from page 1: everything before it is allocated or skipped
 *
 * Invariants
 * - `position` only grows, by one compare-and-swap for each allocation: the process that succeeds owns the memory
 *   between the old and the new one. There is no other shared state, so no death leaves anything incomplete.
 * - An allocation is within one page. One that does not fit in the rest of a page begins the next page.
 * - Nothing was ever written after `position`.
 *
 * The pages of an allocator that maps each page separately are linked by pointers. Here they are consecutive, so
 * arithmetic on `position` replaces the links: a page comes into use with the allocation that reaches it.
 */

/** First word of a GlobalPool: "GPOL". */
export const GLOBAL_POOL_MAGIC = 0x4c4f5047;

/** Word offsets in the header. */
export const HEADER_MAGIC = 0;
export const HEADER_PAGE_BYTES = 1;
export const HEADER_PAGES = 2;
export const HEADER_POSITION = 3;
export const HEADER_BYTES = 64;

/** The unit of `position`, to which every allocation is aligned. */
export const UNIT_BYTES = 8;
/** Largest `position`: 16 GiB. */
export const MAX_UNITS = 2 ** 31 - 1;
