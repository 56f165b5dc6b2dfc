/** A connection that has ended does not keep its requests until the next collection of the old generation. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { startApp } from '../fixtures/server-app.js';

const REQUESTS = 400;
const REQUESTS_PER_COLLECTION = 50;
const HEADER_BYTES = 31_000;

t.test('requests with large headers on connections of their own do not add up', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect: (options: { type: 'minor' | 'major' }) => void = runInNewContext('gc');
  const { sendRaw } = await startApp(t);
  const header = `If-Match: ,${' '.repeat(HEADER_BYTES)}x\r\n`;
  const request = `GET /v1/tables/t/rows/k HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${header}\r\n`;
  const attack = async (): Promise<void> => {
    for (let i = 1; i <= REQUESTS; i++) {
      const response = await sendRaw(request);
      if (!response.startsWith('HTTP/1.1 400 ')) t.fail(response);
      if (i % REQUESTS_PER_COLLECTION === 0) collect({ type: 'minor' });
    }
  };
  // Everything is compiled then.
  await attack();
  collect({ type: 'major' });
  const before = getHeapStatistics().used_heap_size;
  await attack();
  const kept = getHeapStatistics().used_heap_size - before;
  t.ok(kept < (REQUESTS * HEADER_BYTES) / 2, `${kept} bytes after ${REQUESTS} requests`);
});
