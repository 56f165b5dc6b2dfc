/**
 * Numbers that name places in a table. Each is a number to the processor and a type of its own to the compiler: one handed
 * over for another does not compile. What was computed becomes one where the computation is, and what was loaded from
 * shared memory where it was checked (`TableMemory.isRow`) or is trusted.
 */

declare const unit: unique symbol;
type Branded<Unit> = number & { readonly [unit]: Unit };

/** A place in memory: index of a word of four bytes. Good beyond 4 GiB, where it has more than 32 bits. */
export type WordIndex = Branded<'word'>;

/** A row: the number of its slice, from 1 on. Where there may be none, 0 says so. */
export type RowNumber = Branded<'row'>;

/** A home bucket, from 0 on. */
export type BucketNumber = Branded<'bucket'>;

/** An overflow bucket: the number of its slice, from 1 on. In a chain, 0 is the home bucket. */
export type OverflowNumber = Branded<'overflow bucket'>;
