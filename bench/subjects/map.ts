/**
 * An in-process `Map` of row objects, in two forms that differ in how they read a row.
 *
 * `openMap` copies it, as every store outside the heap of the process must: the row is the caller's own. It is what
 * the others are compared with. `openMapByReference` hands out the row that it keeps: cheaper, and whoever changes it
 * changes everybody's. Its other operations are the same code again: how far their ratio is from 1 is the noise.
 */
import { type BenchRow, rowOf, type Slice, type Subject } from '../subject.js';

type RowMap = Map<string, BenchRow>;

export function openMap(keys: readonly string[]): Subject {
  const map = mapOf(keys);
  return subjectOver('Map', map, (keys) => {
    let sum = 0;
    for (let i = 0; i < keys.length; i++) {
      const { count, score, label } = rowUnder(map, keys[i]);
      copied = { count, score, label };
      sum += copied.count + copied.label.length;
    }
    return sum;
  });
}

export function openMapByReference(keys: readonly string[]): Subject {
  const map = mapOf(keys);
  return subjectOver('Map by reference', map, (keys) => {
    let sum = 0;
    for (let i = 0; i < keys.length; i++) {
      const row = rowUnder(map, keys[i]);
      sum += row.count + row.label.length;
    }
    return sum;
  });
}

/** The last copy. Exported, so that the compiler has to make the copies. */
export let copied: BenchRow | undefined;

function mapOf(keys: readonly string[]): RowMap {
  return new Map(keys.map((key, i) => [key, rowOf(i)]));
}

function rowUnder(map: RowMap, key: string): BenchRow {
  const row = map.get(key);
  if (row === undefined) throw new Error(`the Map has no row ${key}`);
  return row;
}

function subjectOver(name: string, map: RowMap, getRow: Slice): Subject {
  return {
    name,
    slices: {
      'get column': (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) sum += rowUnder(map, keys[i]).count;
        return sum;
      },
      'get row': getRow,
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
