/** Numbers of rows, buckets and words have separate types: passing one for another does not compile. */
import t from 'tap';
import type { BucketNumber, OverflowNumber, RowNumber, WordIndex } from '../../src/table/layout/units.js';

declare const row: RowNumber;
declare const bucket: BucketNumber;
declare const overflow: OverflowNumber;
declare const word: WordIndex;

/** Never called; only the compiler checks it. */
export function mixUps(takes: {
  row(n: RowNumber): void;
  bucket(n: BucketNumber): void;
  word(n: WordIndex): void;
}): void {
  takes.row(row);
  takes.bucket(bucket);
  takes.word(word);
  // @ts-expect-error a row's number is not the index of its first word
  takes.word(row);
  // @ts-expect-error a word is not a row
  takes.row(word);
  // @ts-expect-error an overflow bucket is not a home bucket
  takes.bucket(overflow);
  // @ts-expect-error a plain number is none of them
  takes.row(1);
}

t.pass('the compiler has rejected each of them');
