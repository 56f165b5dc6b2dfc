import { HASHES, leastHash } from './hash-order.js';
import type { BucketNumber } from './layout/units.js';
import type { RowScan } from './row-scan.js';
import type { TableHandle } from './table-handle.js';
import type { Columns, Row } from './types.js';

/** The keys of all rows, in arrays. */
export function* eachKey<C extends Columns>(handle: TableHandle<C>): Generator<readonly { readonly key: string }[]> {
  const walk = new ChainWalk(handle);
  while (walk.advance()) {
    const keys = walk.scan.keysOf(walk.bucket);
    yield walk.isPartly ? keys.filter(({ key }) => walk.isAhead(key)) : keys;
  }
}

/** All rows with their keys, in arrays. */
export function* eachRow<C extends Columns>(
  handle: TableHandle<C>,
): Generator<readonly { readonly key: string; readonly row: Row<C> }[]> {
  const walk = new ChainWalk(handle);
  while (walk.advance()) {
    const { scan, bucket } = walk;
    const rows = scan.rowsOf(bucket);
    const ahead = walk.isPartly ? rows.filter(({ key }) => walk.isAhead(key)) : rows;
    if (isComplete(scan, ahead)) {
      yield ahead;
      continue;
    }
    for (const { key, row } of ahead) {
      const own = row ?? readLongRow(handle, scan, bucket, key);
      if (own !== undefined) yield [{ key, row: own }];
    }
  }
}

/** Whether no row of a chain is to be read by itself. */
function isComplete<C extends Columns>(
  { hasLongRows }: RowScan<C>,
  _rows: readonly { readonly key: string; readonly row: Row<C> | undefined }[],
): _rows is readonly { readonly key: string; readonly row: Row<C> }[] {
  return !hasLongRows;
}

/** A row that is read by itself; the caller may have closed the table meanwhile, or it may have been altered. */
function readLongRow<C extends Columns>(
  handle: TableHandle<C>,
  scan: RowScan<C>,
  bucket: BucketNumber,
  key: string,
): Row<C> | undefined {
  handle.assertOpen();
  return handle.scan === scan ? scan.longRow(bucket, key) : handle.rows(key);
}

/** Goes from one chain that has rows to the next, through all segments that the table may have meanwhile. */
class ChainWalk<C extends Columns> {
  scan: RowScan<C>;
  bucket = -1 as BucketNumber;
  /** Whether rows of the chain were visited in an earlier segment: those that are not ahead. */
  isPartly = false;
  readonly #handle: TableHandle<C>;
  #least = 0;

  constructor(handle: TableHandle<C>) {
    this.#handle = handle;
    this.scan = handle.scan;
  }

  /** False at the end. `ERR_TABLE_CLOSED`. */
  advance(): boolean {
    this.#handle.assertOpen();
    const { scan } = this.#handle;
    let next = (this.bucket + 1) as BucketNumber;
    this.isPartly = false;
    if (scan !== this.scan) {
      this.#least = leastHash(this.scan.buckets, next);
      if (this.#least === HASHES) return false;
      next = scan.buckets.bucketOf(this.#least);
      this.scan = scan;
      this.isPartly = true;
    }
    this.bucket = scan.nextFilled(next);
    this.isPartly &&= this.bucket === next;
    return this.bucket < scan.buckets.homeBuckets;
  }

  isAhead(text: string): boolean {
    const { key } = this.#handle;
    key.encode(text);
    return key.hash >>> 0 >= this.#least;
  }
}
