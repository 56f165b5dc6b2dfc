/**
 * An in-process `Map` of row objects, in three forms.
 *
 * `openMap` copies a row that is read, as every store outside the heap must, so that the row belongs to the caller. The
 * others are compared with it. `openMapByReference` returns the stored object, which is cheaper, but a change to it
 * affects all users. Its other operations have the same code, so the deviation of their ratio from 1 is noise.
 * `openMapOfReusedKeys` is queried with the same string objects that it contains, which have a hash already and are
 * compared by address; only programs that keep their keys see this, not those that receive them.
 */
import { freshKey } from '../fresh-keys.js';
import type { Slice } from '../interleaved.js';
import { type BenchRow, type RowSubject, rowOf } from '../row-subject.js';

type RowMap = Map<string, BenchRow>;

export const MAP = 'Map';
export const MAP_BY_REFERENCE = 'Map by reference';
export const MAP_OF_REUSED_KEYS = 'Map, reused keys';

export function openMap(keys: readonly string[]): RowSubject {
  const map = mapOf(keys);
  return subjectOver(MAP, map, (keys) => {
    let sum = 0;
    for (let i = 0; i < keys.length; i++) {
      const { count, score, label } = rowUnder(map, keys[i]);
      copied = { count, score, label };
      sum += copied.count + copied.label.length;
    }
    return sum;
  });
}

export function openMapByReference(keys: readonly string[]): RowSubject {
  return readingByReference(MAP_BY_REFERENCE, keys);
}

export function openMapOfReusedKeys(keys: readonly string[]): RowSubject {
  return {
    ...readingByReference(MAP_OF_REUSED_KEYS, keys),
    keysOf: (numbers) => numbers.map((number) => keys[number] ?? freshKey(number)),
  };
}

/** The last copy. Exported, so that the compiler cannot remove the copies. */
export let copied: BenchRow | undefined;

function readingByReference(name: string, keys: readonly string[]): RowSubject {
  const map = mapOf(keys);
  return subjectOver(name, map, (keys) => {
    let sum = 0;
    for (let i = 0; i < keys.length; i++) {
      const row = rowUnder(map, keys[i]);
      sum += row.count + row.label.length;
    }
    return sum;
  });
}

function mapOf(keys: readonly string[]): RowMap {
  return new Map(keys.map((key, i) => [key, rowOf(i)]));
}

function rowUnder(map: RowMap, key: string): BenchRow {
  const row = map.get(key);
  if (row === undefined) throw new Error(`the Map has no row ${key}`);
  return row;
}

function subjectOver(name: string, map: RowMap, getRow: Slice): RowSubject {
  return {
    name,
    slices: {
      'get column': (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) sum += rowUnder(map, keys[i]).count;
        return sum;
      },
      'get row': getRow,
      'missing key': (keys) => {
        let found = 0;
        for (let i = 0; i < keys.length; i++) if (map.has(keys[i])) found++;
        return found;
      },
      set: (keys) => {
        for (let i = 0; i < keys.length; i++) map.set(keys[i], rowOf(i));
        return keys.length;
      },
      increment: (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) sum += ++rowUnder(map, keys[i]).count;
        return sum;
      },
      'delete + insert': (keys) => {
        let removed = 0;
        for (let i = 0; i < keys.length; i++) {
          if (map.delete(keys[i])) removed++;
          map.set(keys[i], rowOf(i));
        }
        return removed;
      },
    },
    close: () => map.clear(),
  };
}
