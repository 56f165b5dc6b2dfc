/** The change feed over HTTP from several workers, which are killed and replaced, to many clients. */
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { Table } from '../../src/table/table.js';
import { ChangesClient, ResumingClient } from '../fixtures/changes-client.js';
import { eventually, within } from '../fixtures/deadline.js';
import { CHANGES, feedIn, numbersTo } from '../fixtures/feed-table.js';
import { type HttpAnswer, send } from '../fixtures/http-client.js';
import { type LogEntry, startService } from '../fixtures/server-process.js';
import { tries } from '../fixtures/tries.js';
import { Child } from '../table/child.js';

const isKill = ({ msg }: LogEntry): boolean => msg === 'worker did not finish in time';

function residentBytes(pids: readonly number[]): number {
  const pages = pids.map((pid) => Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]));
  return pages.reduce((sum, each) => sum + each) * 4096;
}

t.test('the service', async (t) => {
  const { service, port } = await startService(t);
  const { namespace } = service;
  const newFeed = (t: Test, options: { maxKeyBytes?: number } = {}) => {
    const table = feedIn(t, namespace, options);
    t.teardown(() => Table.destroy(table.name, { namespace }));
    return table;
  };

  await t.test('200 clients receive all events in order', async (t) => {
    const table = newFeed(t);
    const openAtOnce = (count: number) =>
      Promise.all(Array.from({ length: count }, () => ChangesClient.open(t, port, CHANGES)));
    const clients = await openAtOnce(200);
    const workers = () => new Set(clients.map(({ worker }) => worker));
    // The kernel chooses how many each worker accepts: more clients connect until each worker has some.
    for (let rounds = 0; rounds < 50 && workers().size < service.workers.length; rounds++) {
      clients.push(...(await openAtOnce(8)));
    }
    t.same(workers(), new Set(service.workers), 'on all workers');
    const total = tries(100, 500);
    for (let n = 1; n <= total; n++) table.set(`${n}`, { n });
    let wrong = 0;
    for (const client of clients) {
      const events = await client.take(total);
      if (events.length !== total || events.some(({ data }, i) => data.sequence !== i + 1 || data.type !== 'insert'))
        wrong++;
    }
    t.equal(wrong, 0);
    const started = performance.now();
    t.equal((await send(port, 'PUT', '/v1/tables/feed/rows/last', { json: { n: 1 } })).status, 201);
    await Promise.all(clients.map((client) => client.next()));
    t.comment(`all 200 received a change after ${(performance.now() - started).toFixed(1)} ms`);
  });

  await t.test('clients that do not read take no memory and receive a gap', async (t) => {
    const table = newFeed(t, { maxKeyBytes: 255 });
    const count = tries(3, 10);
    const reader = await ChangesClient.open(t, port, CHANGES);
    const stalled = await Promise.all(
      Array.from({ length: count }, () => ChangesClient.open(t, port, CHANGES, { paused: true })),
    );
    // About 1.6 kB each as JSON: 24 MB for every client, part of which is in the kernel's buffers.
    const key = '\u0001'.repeat(255);
    const [chunks, chunk] = [15, 1000];
    let before = 0;
    for (let i = 0; i < chunks; i++) {
      for (let n = 0; n < chunk; n++) table.set(key, { n });
      const events = await reader.take(chunk);
      if (events.some(({ data }) => data.type === 'gap')) t.fail('the reader must keep up');
      if (i === 0) before = residentBytes(service.workers);
    }
    const grown = residentBytes(service.workers) - before;
    const unread = count * chunks * chunk * 1600;
    t.ok(grown < unread / 2, `${(grown / 1e6).toFixed(1)} MB more, with ${unread / 1e6} MB unread`);
    const last = chunks * chunk;
    for (const client of stalled) {
      client.resume();
      let position = 0;
      let gaps = 0;
      let wrong = 0;
      while (position < last) {
        const event = await client.next();
        if (event === undefined) break;
        const { type, sequence } = event.data;
        if (type === 'gap') gaps++;
        else if (sequence !== position + 1) wrong++;
        position = sequence;
      }
      t.same({ position, wrong }, { position: last, wrong: 0 }, 'a gap covers every missing change');
      t.ok(gaps > 0, `${gaps} gaps`);
    }
  });

  await t.test("a killed process's committed change is sent", async (t) => {
    const table = newFeed(t);
    process.env.SHMTABLE_NAMESPACE = service.namespace;
    t.teardown(() => {
      delete process.env.SHMTABLE_NAMESPACE;
    });
    const clients = await Promise.all(Array.from({ length: 4 }, () => ChangesClient.open(t, port, CHANGES)));
    for (let kill = 0; kill < tries(2, 5); kill++) {
      const writer = Child.start(t, 'changes-killed-writer', table.name, `k${kill}`);
      t.equal(await writer.ended, 'SIGKILL');
      for (const client of clients) {
        t.match(await client.next(), { event: 'insert', data: { key: `k${kill}` } });
      }
    }
  });

  await t.test('no change is missing or repeated when workers are killed under load', async (t) => {
    const table = newFeed(t);
    const client = new ResumingClient(t, port, CHANGES);
    await client.start();
    let going = true;
    let written = 0;
    const write = async (key: string): Promise<void> => {
      for (let n = 0; going; n++) {
        const path = `/v1/tables/feed/rows/${key}`;
        const answer = await answerTo(send(port, 'PUT', path, { json: { n } }));
        if (answer !== undefined) written++;
      }
    };
    const keys = ['a', 'b', 'c', 'd'];
    const writers = keys.map(write);
    let killed = service.log.length;
    for (let kill = 0; kill < tries(1, 3); kill++) {
      const victim = await servingWorker(port);
      const until = written + 30;
      await eventually('they write', () => written >= until);
      process.kill(victim, 'SIGKILL');
      await service.logged(({ msg }) => msg === 'worker replaced', killed);
      killed = service.log.length;
    }
    going = false;
    await Promise.all(writers);
    await eventually('the last change has arrived', () =>
      keys.every((key) => {
        const last = client.events.findLast(({ data }) => data.type !== 'gap' && data.key === key)?.data;
        return last !== undefined && last.type !== 'gap' && last.revision === table.entry(key)?.revision;
      }),
    );
    const sequences = client.events.map(({ data }) => data.sequence);
    t.same(sequences, numbersTo(sequences.length), `${sequences.length} changes, without loss or repetition`);
    const { inserts, updates } = table.stats();
    t.equal(sequences.length, inserts + updates, 'as many as there were commits');
  });

  await t.test('draining workers end their streams, and clients miss nothing', async (t) => {
    const table = newFeed(t);
    const clients = Array.from({ length: 8 }, () => new ResumingClient(t, port, CHANGES));
    for (const client of clients) await client.start();
    const stalled = await ChangesClient.open(t, port, CHANGES, { paused: true });
    const cutOff = await ChangesClient.open(t, port, CHANGES);
    let n = 0;
    const writing = setInterval(() => {
      table.set(`${n % 100}`, { n: ++n });
    }, 5);
    t.teardown(() => clearInterval(writing));
    const { workers } = service;
    service.signal('SIGHUP');
    await service.logged(({ msg }) => msg === 'workers replaced');
    clearInterval(writing);
    table.set('last', {});
    const last = n + 1;
    await eventually('all clients have received the last change', () =>
      clients.every(({ events }) => events.at(-1)?.data.sequence === last),
    );
    for (const client of clients) {
      const sequences = client.events.map(({ data }) => data.sequence);
      t.same(sequences, numbersTo(last), `${last} changes, without loss, repetition or gap`);
      t.ok(client.workers.length > 1, `at workers ${client.workers}`);
      t.notOk(workers.includes(client.workers.at(-1) ?? 0), 'at the end a new worker');
      client.stop();
    }
    t.equal(await cutOff.ended, true, 'a stream ends properly');
    stalled.resume();
    await stalled.ended;
    t.notOk(service.log.some(isKill), 'a stream that is not read does not delay its worker either');
  });

  await t.test('SIGTERM ends the streams', async (t) => {
    newFeed(t);
    const clients = await Promise.all(Array.from({ length: 10 }, () => ChangesClient.open(t, port, CHANGES)));
    service.signal('SIGTERM');
    for (const client of clients) t.equal(await client.ended, true, 'in order');
    t.equal(await service.ended, 0);
    t.notOk(service.log.some(isKill), 'no worker had to be killed');
  });
});

/** The response of a worker; undefined if it was killed meanwhile. */
function answerTo(answer: Promise<HttpAnswer>): Promise<HttpAnswer | undefined> {
  return within(1000, 'a response', answer).catch(() => undefined);
}

/** A worker that responds. */
async function servingWorker(port: number): Promise<number> {
  for (;;) {
    const answer = await answerTo(send(port, 'GET', '/healthz'));
    if (answer !== undefined) return Number(answer.headers['shm-worker']);
  }
}
