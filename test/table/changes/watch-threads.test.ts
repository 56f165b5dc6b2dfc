/** Watching when no thread can be created is an error, and everything else continues. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { Child } from '../child.js';
import '../scratch-table.js';
import { within } from '../../fixtures/deadline.js';

/** Less than the stack of a thread, but enough for other allocations meanwhile. */
const ROOM_BYTES = 3 << 19;

t.test('if no thread can be created, `watch` throws, and tables still work and can be closed', async (t) => {
  if (spawnSync('prlimit', ['--version']).status !== 0) {
    t.pass('watching', { skip: 'prlimit is missing: install the Debian package "util-linux"' });
    return;
  }
  const child = Child.start<unknown>(t, 'watch-thread-limit');
  const { pid } = child.process;
  const limit = (bytes: number | string): void => {
    execFileSync('prlimit', ['--pid', String(pid), `--as=${bytes}:`]);
  };
  t.equal(await within(20_000, 'the start', child.next()), 'ready');
  const kilobytes = Number(/^VmSize:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  limit(kilobytes * 1024 + ROOM_BYTES);
  child.go();
  t.match(await within(20_000, 'an answer', child.next()), ['ERR_SEGMENT_NO_SPACE', /no more threads/, 1, 2]);
  t.equal(await within(20_000, 'the end of a watch', child.next()), 'ERR_TABLE_CLOSED');
  t.equal(await within(20_000, 'the end of a table', child.next()), 'destroyed');
  limit('unlimited');
  child.go();
  t.equal(await within(20_000, 'a change', child.next()), 'k');
  t.equal(await child.next(), 'done');
  t.equal(await within(20_000, 'its exit', child.ended), 0);
});
