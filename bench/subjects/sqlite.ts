/** SQLite through the package `better-sqlite3`: prepared statements, a write-ahead log, no waiting for the disk. */
import { type BenchRow, type OpenRowSubject, rowOf } from '../../src/bench/row-subject.js';
import { requireCompetitor } from '../competitor-packages.js';
import { scratchFolder } from '../scratch-folder.js';

interface Statement<Result> {
  get(...values: unknown[]): Result;
  run(...values: unknown[]): { changes: number };
}

interface Database {
  exec(sql: string): void;
  prepare<Result>(sql: string): Statement<Result>;
  transaction(work: () => void): () => void;
  close(): void;
}

export const openSqlite: OpenRowSubject = (keys) => {
  const Package: new (path: string) => Database = requireCompetitor('better-sqlite3');
  const folder = scratchFolder();
  const db = new Package(folder.path('rows.sqlite'));
  db.exec(`
    pragma journal_mode = wal;
    pragma synchronous = off;
    create table rows (key text primary key, count integer, score real, label text) without rowid;
  `);
  const column = db.prepare<{ count: number }>('select count from rows where key = ?');
  const row = db.prepare<BenchRow>('select count, score, label from rows where key = ?');
  const presence = db.prepare<unknown>('select 1 from rows where key = ?');
  const upsert = db.prepare(
    `insert into rows values (?, ?, ?, ?)
     on conflict (key) do update set count = excluded.count, score = excluded.score, label = excluded.label`,
  );
  const increment = db.prepare<{ count: number }>('update rows set count = count + 1 where key = ? returning count');
  const remove = db.prepare('delete from rows where key = ?');
  const write = (key: string, { count, score, label }: BenchRow) => upsert.run(key, count, score, label);
  db.transaction(() => {
    keys.forEach((key, i) => {
      write(key, rowOf(i));
    });
  })();
  return {
    name: 'better-sqlite3',
    slices: {
      'get column': (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) sum += column.get(keys[i]).count;
        return sum;
      },
      'get row': (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) {
          const { count, label } = row.get(keys[i]);
          sum += count + label.length;
        }
        return sum;
      },
      'missing key': (keys) => {
        let found = 0;
        for (let i = 0; i < keys.length; i++) if (presence.get(keys[i]) !== undefined) found++;
        return found;
      },
      set: (keys) => {
        for (let i = 0; i < keys.length; i++) write(keys[i], rowOf(i));
        return keys.length;
      },
      increment: (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) sum += increment.get(keys[i]).count;
        return sum;
      },
      'delete + insert': (keys) => {
        let removed = 0;
        for (let i = 0; i < keys.length; i++) {
          removed += remove.run(keys[i]).changes;
          write(keys[i], rowOf(i));
        }
        return removed;
      },
    },
    close() {
      db.close();
      folder.remove();
    },
  };
};
