/**
 * LMDB, a B-tree in a mapped file, through the package `lmdb`, with its fastest settings, which do not wait for the
 * disk. There are two forms of writes, which have the same effect.
 */
import { type BenchRow, type OpenRowSubject, type RowSubject, rowOf } from '../../src/bench/row-subject.js';
import { requireCompetitor } from '../competitor-packages.js';
import { scratchFolder } from '../scratch-folder.js';

interface Database {
  get(key: string): BenchRow;
  doesExist(key: string): boolean;
  put(key: string, row: BenchRow): Promise<boolean>;
  putSync(key: string, row: BenchRow): boolean;
  remove(key: string): Promise<boolean>;
  removeSync(key: string): boolean;
  transaction<T>(work: () => T): Promise<T>;
  transactionSync<T>(work: () => T): T;
  close(): Promise<void>;
}

interface Package {
  open(options: Record<string, unknown>): Database;
}

export const LMDB_SYNC = 'lmdb';
export const LMDB_ASYNC = 'lmdb, asynchronous';

/** One transaction for each write. */
export const openLmdb: OpenRowSubject = async (keys) => {
  const { db, close } = await databaseOf(keys);
  return {
    name: LMDB_SYNC,
    slices: {
      ...reading(db),
      set: (keys) => {
        for (let i = 0; i < keys.length; i++) db.putSync(keys[i], rowOf(i));
        return keys.length;
      },
      increment: (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) {
          sum += db.transactionSync(() => {
            const row = db.get(keys[i]);
            row.count++;
            db.putSync(keys[i], row);
            return row.count;
          });
        }
        return sum;
      },
      'delete + insert': (keys) => {
        let removed = 0;
        for (let i = 0; i < keys.length; i++) {
          if (db.removeSync(keys[i])) removed++;
          db.putSync(keys[i], rowOf(i));
        }
        return removed;
      },
    },
    close,
  };
};

/**
 * Writes that a separate thread collects into transactions; a slice ends when all of them are committed. Reading is the
 * same as above.
 */
export const openLmdbAsynchronous: OpenRowSubject = async (keys) => {
  const { db, close } = await databaseOf(keys);
  return {
    name: LMDB_ASYNC,
    slices: {
      set: async (keys) => {
        await Promise.all(keys.map((key, i) => db.put(key, rowOf(i))));
        return keys.length;
      },
      increment: async (keys) => {
        const values = await Promise.all(
          keys.map((key) =>
            db.transaction(() => {
              const row = db.get(key);
              row.count++;
              void db.put(key, row);
              return row.count;
            }),
          ),
        );
        return values.reduce((sum, value) => sum + value, 0);
      },
      'delete + insert': async (keys) => {
        const removed = await Promise.all(
          keys.map((key, i) => {
            const removing = db.remove(key);
            void db.put(key, rowOf(i));
            return removing;
          }),
        );
        return removed.filter(Boolean).length;
      },
    },
    close,
  };
};

async function databaseOf(keys: readonly string[]): Promise<{ db: Database; close: () => Promise<void> }> {
  const { open }: Package = requireCompetitor('lmdb');
  const folder = scratchFolder();
  const db = open({ path: folder.path('rows.lmdb'), noSync: true, sharedStructuresKey: Symbol.for('structures') });
  await Promise.all(keys.map((key, i) => db.put(key, rowOf(i))));
  return {
    db,
    async close() {
      await db.close();
      folder.remove();
    },
  };
}

function reading(db: Database): RowSubject['slices'] {
  return {
    'get column': (keys) => {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) sum += db.get(keys[i]).count;
      return sum;
    },
    'get row': (keys) => {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) {
        const row = db.get(keys[i]);
        sum += row.count + row.label.length;
      }
      return sum;
    },
    'missing key': (keys) => {
      let found = 0;
      for (let i = 0; i < keys.length; i++) if (db.doesExist(keys[i])) found++;
      return found;
    },
  };
}
