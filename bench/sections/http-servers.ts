/** The service, with one worker, compared with other servers and with the bare frameworks. */
import { type Effort, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { startNginx, startWebdis } from '../http/other-servers.js';
import { type Contestant, measureRates, rateFigure } from '../http/rates.js';
import { ROW_BODY, ROW_OPERATIONS, ROW_REQUESTS, type RowOperation } from '../http/row-requests.js';
import { type HttpService, startHello, startShmtable } from '../http/services.js';
import { missingWrk } from '../http/wrk.js';

interface Contender {
  readonly name: string;
  readonly start: (rows: number) => Promise<HttpService>;
  readonly requests: Contestant<RowOperation>['requests'];
}

const CONTENDERS: readonly Contender[] = [
  {
    name: 'node:http',
    start: () => startHello('node'),
    requests: { 'GET a row': ROW_REQUESTS['GET a row'] },
  },
  {
    name: 'Fastify',
    start: () => startHello('fastify'),
    requests: { 'GET a row': ROW_REQUESTS['GET a row'] },
  },
  {
    name: 'nginx',
    start: startNginx,
    requests: {
      'GET a row': { method: 'GET', path: '/rows/{key}' },
      'PUT a row': { method: 'PUT', path: '/rows/{key}', body: ROW_BODY },
      increment: { method: 'POST', path: '/rows/{key}/increment' },
    },
  },
  {
    name: 'webdis',
    start: startWebdis,
    requests: {
      'GET a row': { method: 'GET', path: '/HGETALL/{key}' },
      'PUT a row': { method: 'GET', path: '/HSET/{key}/count/7/score/2.5/label/label-00000000000007' },
      increment: { method: 'GET', path: '/HINCRBY/{key}/count/1' },
    },
  },
];

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const missing = await missingWrk();
  if (missing !== undefined) return { figures: [], leftOut: [missing] };
  const keys = rowsFor(effort, rows);
  const leftOut: string[] = [];
  const contestants: Contestant<RowOperation>[] = [];
  const ours = await startShmtable(1, keys);
  try {
    for (const { name, start, requests } of CONTENDERS) {
      try {
        contestants.push({ service: await start(keys), requests });
      } catch (error) {
        leftOut.push(`${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
    const everybody = [{ service: ours, requests: ROW_REQUESTS }, ...contestants];
    const rates = await measureRates(ROW_OPERATIONS, everybody, { effort, rows: keys });
    const figures = ROW_OPERATIONS.flatMap((operation) =>
      contestants.flatMap(({ service }) => {
        const what = `HTTP ${operation}, 1 worker`;
        return rateFigure(rates, operation, [ours.name, service.name], { what }) ?? [];
      }),
    );
    return { figures, leftOut };
  } finally {
    for (const { service } of contestants) await service.stop();
    await ours.stop();
  }
}
