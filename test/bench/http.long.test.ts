/** The HTTP section starts both services, sends them requests, and ends them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { startMapService, startShmtable } from '../../bench/http/services.js';
import type { Report } from '../../src/bench/report.js';

const program = fileURLToPath(new URL('../../bench/run.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'shmtable-bench-'));
t.teardown(() => rmSync(folder, { recursive: true }));

t.test('both services return the same responses, except for the revision', async (t) => {
  const services = [await startShmtable(1, 10), await startMapService(1, 10)];
  const requests: [string, string, string | undefined][] = [
    ['GET', 'rows/k100000003', undefined],
    ['PUT', 'rows/k100000003', '{"count":7,"score":2.5,"label":"seven"}'],
    ['PUT', 'rows/new', '{"count":8}'],
    ['PUT', 'rows/new', '{"count":9}'],
    ['POST', 'rows/k100000003/increment', '{"column":"count","by":5}'],
    ['POST', 'batch', '[{"op":"get","key":"k100000003"},{"op":"get","key":"absent"}]'],
  ];
  try {
    for (const [method, path, body] of requests) {
      const answers = await Promise.all(
        services.map(async ({ port }) => {
          const answer = await fetch(`http://127.0.0.1:${port}/v1/tables/rows/${path}`, {
            method,
            headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
            ...(body === undefined ? {} : { body }),
          });
          const { status, headers } = answer;
          const text = (await answer.text()).replace(/"revision":\d+/g, '"revision":0');
          return { status, type: headers.get('content-type')?.split(';')[0], etag: headers.has('etag'), text };
        }),
      );
      const [ours, theirs] = answers.map(({ text, ...rest }) => ({ ...rest, body: withoutProblems(JSON.parse(text)) }));
      t.same(theirs, ours, `${method} ${path}`);
    }
  } finally {
    for (const service of services) await service.stop();
  }
});

t.test('a smoke run sends single requests and batches to both services', async (t) => {
  await promisify(execFile)(process.execPath, [program, '--smoke', '--only', 'http', '--out', folder]);
  const report: Report = JSON.parse(readFileSync(join(folder, 'latest.json'), 'utf8'));
  t.same(report.leftOut, []);
  t.same(
    report.figures.map(({ what }) => what),
    ['HTTP GET a row, 1 worker', 'HTTP batch of 100 gets, rows/s, 1 worker'],
  );
  t.ok(report.figures.every(({ value }) => value.median > 0));
});

/** The results of a batch, without the problem of a missing row. */
function withoutProblems(body: Record<string, unknown>): unknown {
  if (!Array.isArray(body.results)) return body;
  return body.results.map(({ problem, ...result }: Record<string, unknown>) => result);
}
