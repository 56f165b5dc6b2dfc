import { hashOf } from '../fixtures/hash-of.js';
import { openMemory } from './scratch-table.js';

/** Byte offset of the hash key in the header of a table's segment. */
const HASH_KEY_AT = 24;
const ROWS_PER_BUCKET = 7;

/** `count` keys with the same home bucket, found by trying keys with the table's hash key. */
export function oneBucketKeys(table: { readonly name: string; readonly capacity: number }, count: number): string[] {
  const hashKey = readHashKey(table.name);
  const buckets = Math.ceil(table.capacity / ROWS_PER_BUCKET);
  const keys: string[] = [];
  for (let i = 0; keys.length < count; i++) {
    const candidate = `key-${i}`;
    if (Math.floor(((hashOf(candidate, hashKey) >>> 0) * buckets) / 2 ** 32) === 0) keys.push(candidate);
  }
  return keys;
}

function readHashKey(name: string): [number, number] {
  const memory = openMemory(name, { readOnly: true });
  const [low, high] = new Int32Array(memory.buffer, HASH_KEY_AT, 2);
  memory.close();
  return [low, high];
}
