/**
 * Numbers that identify places in a table. At run time they are plain numbers; for the compiler each kind has its own
 * type, so that passing one for another does not compile. A computed number gets its type where it is computed, one
 * loaded from shared memory where it is checked (`TableMemory.isRow`) or trusted.
 */

declare const unit: unique symbol;
type Branded<Unit> = number & { readonly [unit]: Unit };

/**
 * A place in memory: the index of a word of four bytes. Valid beyond 4 GiB; from 8 GiB on it does not fit in an int32.
 */
export type WordIndex = Branded<'word'>;

/** A row: the number of its slice, from 1. 0 means none. */
export type RowNumber = Branded<'row'>;

/** A home bucket, from 0. */
export type BucketNumber = Branded<'bucket'>;

/** An overflow bucket: the number of its slice, from 1. In a chain, 0 is the home bucket. */
export type OverflowNumber = Branded<'overflow bucket'>;
