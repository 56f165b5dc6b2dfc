import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { Segment } from '../../src/memory/index.js';
import { Agent } from './agent.js';
import { removeAtEnd, scratchName } from './scratch-segment.js';

const RESERVE = '/proc/sys/vm/nr_hugepages';
const PAGE_BYTES = 2 << 20;

/** Tries to reserve more huge pages and returns whether that succeeded. `giveBack` undoes it. */
function reservePages(pages: number): boolean {
  const before = readFileSync(RESERVE, 'latin1').trim();
  try {
    writeFileSync(RESERVE, String(Number(before) + pages));
  } catch {
    return false;
  }
  process.once('exit', () => writeFileSync(RESERVE, before));
  return Number(readFileSync(RESERVE, 'latin1')) >= Number(before) + pages;
}

/** Whether this process has any mapping of reserved huge pages. */
function mapsHugePages(): boolean {
  return /^KernelPageSize: +2048 kB$/m.test(readFileSync('/proc/self/smaps', 'latin1'));
}

t.test('without reserved huge pages, small pages are used and a warning is emitted', async (t) => {
  if (Number(readFileSync(RESERVE, 'latin1')) >= 100) {
    t.pass('THIS HOST HAS RESERVED HUGE PAGES', { skip: true });
    return;
  }
  for (const backend of ['anonymous', 'sysv'] as const) {
    const name = scratchName();
    removeAtEnd(t, backend, name);
    const segment = Segment.create({ backend, name, size: 100 * PAGE_BYTES, hugePages: true });
    t.equal(segment.size, 100 * PAGE_BYTES);
    t.notOk(mapsHugePages());
    segment.close();
  }
});

/** Bytes of shared memory that this process has mapped with transparent huge pages. */
function transparentBytes(): number {
  const sizes = readFileSync('/proc/self/smaps', 'latin1').matchAll(/^ShmemPmdMapped: +(\d+) kB$/gm);
  return [...sizes].reduce((sum, [, kibibytes]) => sum + Number(kibibytes) * 1024, 0);
}

t.test('every segment of at least one huge page gets transparent huge pages', async (t) => {
  const warnings: Error[] = [];
  const note = (warning: Error): number => warnings.push(warning);
  process.on('warning', note);
  t.teardown(() => process.off('warning', note));
  const size = 5 * PAGE_BYTES + 4096;
  const probe = Segment.create({ backend: 'anonymous', name: scratchName(), size: 4 * PAGE_BYTES, hugePages: true });
  const supported = transparentBytes() > 0;
  probe.unlink();
  probe.close();
  if (!supported) {
    await new Promise(setImmediate);
    t.match(
      warnings[0],
      { code: 'SHMTABLE_HUGE_PAGES' },
      `none available, as the warning says: ${warnings[0]?.message}`,
    );
    return;
  }
  for (const backend of ['posix', 'anonymous', 'sysv', 'devzero'] as const) {
    const name = scratchName();
    removeAtEnd(t, backend, name);
    const segment = Segment.create({ backend, name, size, hugePages: true });
    const bytes = new Uint8Array(segment.buffer);
    t.equal(segment.size, size);
    t.ok(bytes.every((byte) => byte === 0));
    t.equal(transparentBytes(), 5 * PAGE_BYTES, `${backend}: whole pages`);
    bytes.fill(7);
    if (backend !== 'devzero') {
      // A handle without the option shares the huge pages that the segment has.
      const other = Segment.open({ backend, name });
      t.ok(new Uint8Array(other.buffer).every((byte) => byte === 7));
      t.equal(transparentBytes(), 10 * PAGE_BYTES, `${backend}: opened by another handle`);
      other.close();
    }
    segment.close();
    t.equal(transparentBytes(), 0, `${backend}: closed`);
  }
  await new Promise(setImmediate);
  t.same(warnings, []);
});

t.test('a segment smaller than a huge page warns that it has none', async (t) => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
  const segment = Segment.create({ backend: 'anonymous', name: scratchName(), size: 4096, hugePages: true });
  t.match((await warned).message, /4096 bytes are less than one/);
  segment.unlink();
  segment.close();
});

t.test('reserved huge pages are used if enough are free', async (t) => {
  if (!reservePages(8)) {
    t.pass('NO HUGE PAGES CAN BE RESERVED HERE: not tested', { skip: true });
    return;
  }
  for (const backend of ['anonymous', 'sysv'] as const) {
    t.test(backend, async (t) => {
      const name = scratchName();
      removeAtEnd(t, backend, name);
      const segment = Segment.create({ backend, name, size: 2 * PAGE_BYTES + 8, hugePages: true });
      t.ok(mapsHugePages());
      // A System V segment keeps the requested size; a memory object is rounded up to whole pages.
      const size = backend === 'sysv' ? 2 * PAGE_BYTES + 8 : 3 * PAGE_BYTES;
      t.equal(segment.size, size);
      new Uint8Array(segment.buffer).fill(3);
      const other = Segment.open({ backend, name, hugePages: true });
      t.equal(new Uint8Array(other.buffer)[size - 1], 3);
      const { agent } = Agent.process(t);
      t.equal(await agent.call('open', backend, name), size);
      await agent.call('write', 1, 9);
      t.equal(new Int32Array(segment.buffer)[1], 9);
      segment.protect('read');
      segment.protect('readwrite');
      if (backend === 'anonymous') {
        segment.grow(size + 1);
        t.equal(segment.size, size + PAGE_BYTES);
        t.equal(new Uint8Array(other.buffer)[size], 0);
      }
      const forgotten = new Uint8Array(other.buffer);
      other.close();
      t.equal(forgotten[0], 0);
      await agent.call('close');
      segment.unlink();
      segment.close();
      t.notOk(mapsHugePages());
    });
  }

  t.test('a segment smaller than a huge page can be created', async (t) => {
    const segment = Segment.create({ backend: 'anonymous', name: scratchName(), size: 4096, hugePages: true });
    t.equal(segment.size, 4096);
    segment.unlink();
    segment.close();
  });
});
