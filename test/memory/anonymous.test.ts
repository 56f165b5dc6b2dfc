import cluster from 'node:cluster';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Segment } from '../../src/memory/index.js';
import { Agent } from './agent.js';
import { openFiles, scratchName, scratchSegment } from './scratch-segment.js';

const backend = 'anonymous';

/** Processes that have the segment's memory open, according to /proc. */
function holders(name: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readdirSync(`/proc/${pid}/fd`).some((number) => {
        try {
          return readlinkSync(`/proc/${pid}/fd/${number}`) === `/memfd:shmtable-segment:${name} (deleted)`;
        } catch {
          return false;
        }
      });
    } catch {
      return false;
    }
  });
}

t.test('anonymous memory leaves nothing in /dev/shm', async (t) => {
  const segment = scratchSegment(t, { backend });
  t.notOk(readdirSync('/dev/shm').some((name) => name.includes(segment.name)));
});

t.test('children, grandchildren and cluster workers find it', async (t) => {
  const segment = scratchSegment(t, { backend });
  const words = new Int32Array(segment.buffer);
  cluster.setupPrimary({ exec: fileURLToPath(new URL('../fixtures/memory-agent.js', import.meta.url)) });
  const worker = cluster.fork().process;
  const agents = [Agent.process(t).agent, Agent.grandchild(t), Agent.of(t, worker)];
  await once(worker, 'message');
  for (const [index, agent] of agents.entries()) {
    t.equal(await agent.call('open', backend, segment.name), 4096);
    await agent.call('write', index, index + 10);
    t.equal(words[index], index + 10);
    t.ok((await agent.call('list')).includes(segment.name));
  }
});

t.test('a segment that its creator has closed is still inherited', async (t) => {
  const segment = scratchSegment(t, { backend });
  segment.close();
  const { agent } = Agent.process(t);
  t.equal(await agent.call('open', backend, segment.name), 4096);
});

t.test('neither a parent nor an unrelated process finds it', async (t) => {
  const name = scratchName();
  const { agent } = Agent.process(t);
  await agent.call('create', backend, name, 4096);
  t.throws(() => Segment.open({ backend, name }), { code: 'ERR_SEGMENT_NOT_FOUND', message: /inherit/ });
  await t.rejects(Agent.process(t).agent.call('open', backend, name), { code: 'ERR_SEGMENT_NOT_FOUND' });
});

t.test('once unlinked in one process, it is found in none', async (t) => {
  const segment = scratchSegment(t, { backend });
  const { name } = segment;
  const first = Agent.process(t).agent;
  const second = Agent.process(t).agent;
  await second.call('open', backend, name);
  await first.call('open', backend, name);
  t.equal(await first.call('unlink'), true);
  t.equal(await second.call('unlink'), false);
  t.throws(() => Segment.open({ backend, name }), { code: 'ERR_SEGMENT_NOT_FOUND' });
  await t.rejects(second.call('open', backend, name), { code: 'ERR_SEGMENT_NOT_FOUND' });
  // The next segment of that name is another object, which earlier processes do not have.
  const fresh = scratchSegment(t, { backend, name, size: 64 });
  await t.rejects(second.call('open', backend, name), { code: 'ERR_SEGMENT_NOT_FOUND' });
  t.equal(segment.unlink(), false);
  t.equal(fresh.unlink(), true);
});

t.test('a process frees what another has unlinked', async (t) => {
  const name = scratchName();
  const holding = () => openFiles().filter((file) => file.includes(name)).length;
  Segment.create({ backend, name, size: 4096 }).close();
  t.equal(holding(), 1, 'the inheritable descriptor');
  const { agent } = Agent.process(t);
  await agent.call('open', backend, name);
  await agent.call('unlink');
  t.throws(() => Segment.open({ backend, name }), { code: 'ERR_SEGMENT_NOT_FOUND' });
  t.equal(holding(), 0);
});

t.test('it is freed when its last process exits or is killed', async (t) => {
  const name = scratchName();
  const { agent: maker, child: first } = Agent.process(t);
  await maker.call('create', backend, name, 4096);
  const pid = String(await maker.call('pid'));
  t.same(holders(name), [pid]);
  const exited = new Promise((resolve) => first.on('exit', resolve));
  first.kill('SIGKILL');
  await exited;
  t.same(holders(name), []);
});
