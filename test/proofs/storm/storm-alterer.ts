import { sleep } from '../../../src/memory/index.js';
import { seededRandom } from '../seeded-random.js';
import type { Subject } from '../subject.js';
import { StormLog } from './storm-log.js';
import { HEAP_BYTES, LEAST_CAPACITY } from './storm-table.js';
import type { StormWriter } from './storm-writer.js';

/** How long an alteration waits for a writer that is stopped in a write. */
const LOCK_TIMEOUT_MS = 50;
/** Longest pause between two alterations. */
const PAUSE_MS = 30;
const BLOCK_BYTES = [64, 256, 1024];

/**
 * Alters the table until the log says stop or this process is ended: it grows and shrinks, gets blocks of another size,
 * and gets or loses a feed.
 */
export function alterInStorm({ Table }: Subject, { table: name, log: logName, writer }: StormWriter): void {
  const log = StormLog.open(logName);
  const random = seededRandom(writer + 1);
  log.set(writer, 'ready', 1);
  while (!log.mustStop) {
    try {
      Table.alter(name, {
        capacity: LEAST_CAPACITY + Math.floor(random() * 3) * 14,
        changes: random() < 0.5 ? 0 : 1 << 14,
        heap: { bytes: HEAP_BYTES, blockBytes: BLOCK_BYTES[Math.floor(random() * BLOCK_BYTES.length)] },
        lockTimeoutMs: LOCK_TIMEOUT_MS,
      });
      log.add(writer, 'alterations');
    } catch (error) {
      // Of the subject, whose class of errors may be another one.
      const { code } = error as { code?: string };
      if (code !== 'ERR_LOCK_TIMEOUT' && code !== 'ERR_TABLE_FULL') throw error;
      log.add(writer, 'refused');
    }
    sleep(random() * PAUSE_MS);
  }
}
