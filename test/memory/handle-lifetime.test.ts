import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { Segment } from '../../src/memory/index.js';
import { placeOf } from '../fixtures/segment-place.js';
import { tries } from '../fixtures/tries.js';
import { Agent } from './agent.js';
import { BACKENDS, openFiles, scratchName, scratchSegment } from './scratch-segment.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/**
 * Number of this process's mappings with the segment's name. The creator's own mapping may not be counted: the kernel
 * shows a mapping with the name that the object had when it was opened, and the creator opens it before it has one. So
 * tests compare numbers.
 */
function mappings(name: string): number {
  const info = Segment.list().find((segment) => segment.name === name);
  // System V segments are shown with their keys.
  const label = info?.backend === 'sysv' ? `SYSV${info.location.slice(2)}` : name;
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes(label)).length;
}

/** Collects garbage until `done`, and lets finalizers run in between; fails after 100 rounds. */
async function collectUntil(done: () => boolean): Promise<boolean> {
  for (let round = 0; round < 100 && !done(); round++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return done();
}

for (const backend of BACKENDS) {
  t.test(`${backend}: unreachable handles are garbage-collected`, async (t) => {
    const segment = scratchSegment(t, { backend });
    const { name } = segment;
    const files = openFiles();
    const mapped = mappings(name);
    const forget = () => {
      const other = Segment.open({ ...placeOf(backend, name) });
      other.openByteLocks().tryLock(1);
      return new Uint8Array(other.buffer);
    };
    forget();
    t.ok(await collectUntil(() => mappings(name) === mapped && openFiles().length === files.length));
    let view: Uint8Array | undefined = forget();
    t.ok(await collectUntil(() => openFiles().length === files.length));
    new Uint8Array(segment.buffer)[0] = 8;
    t.equal(view[0], 8, 'a view alone keeps the memory mapped');
    view = undefined;
    t.ok(await collectUntil(() => mappings(name) === mapped));
  });

  t.test(`${backend}: a terminated thread leaves no mapping and no descriptor`, async (t) => {
    const segment = scratchSegment(t, { backend });
    const files = openFiles().filter((file) => file.includes(segment.name));
    const mapped = mappings(segment.name);
    for (let round = 0; round < tries(2, 6); round++) {
      const { agent, worker } = Agent.thread(t);
      await agent.call('open', backend, segment.name);
      await agent.call('tryLock', 1);
      t.equal(mappings(segment.name), mapped + 1);
      // Terminated while it sleeps, computes, or waits for the next message.
      if (round % 2 === 0) agent.call('wait', 0, 0, 50).catch(() => {});
      await worker.terminate();
      t.equal(mappings(segment.name), mapped);
      t.same(
        openFiles().filter((file) => file.includes(segment.name)),
        files,
      );
    }
  });

  t.test(`${backend}: creating and closing many segments in a loop leaves no mappings`, async (t) => {
    const before = readFileSync('/proc/self/maps', 'utf8').split('\n').length;
    for (let i = 0; i < 700; i++) {
      const segment = Segment.create({ ...placeOf(backend, scratchName()), size: 4096 });
      segment.unlink();
      segment.close();
    }
    const after = readFileSync('/proc/self/maps', 'utf8').split('\n').length;
    t.ok(after - before < 200, `${after - before} more mappings`);
  });
}
