/** The service, with one worker, compared with other servers and with the bare frameworks. */
import { type Figure, shown } from '../../src/bench/figure.js';
import { type Effort, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { spreadOf } from '../../src/bench/spread.js';
import { startNginx, startWebdis } from '../http/other-servers.js';
import { type Contestant, measureRates, type Rates, rateFigure } from '../http/rates.js';
import {
  BATCH_REQUEST,
  GETS_IN_BATCH,
  ROW_BODY,
  ROW_OPERATIONS,
  ROW_REQUESTS,
  type RowOperation,
} from '../http/row-requests.js';
import { type HttpService, startHello, startShmtable } from '../http/services.js';
import { missingWrk } from '../http/wrk.js';

const BATCH = 'batch';
type Operation = RowOperation | typeof BATCH;
const NGINX = 'nginx, lua_shared_dict';

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
  const contestants: Contestant<Operation>[] = [];
  const ours = await startShmtable(1, keys);
  try {
    for (const { name, start, requests } of CONTENDERS) {
      try {
        contestants.push({ service: await start(keys), requests });
      } catch (error) {
        leftOut.push(`${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
    const everybody = [{ service: ours, requests: { ...ROW_REQUESTS, [BATCH]: BATCH_REQUEST } }, ...contestants];
    const rates = await measureRates<Operation>([...ROW_OPERATIONS, BATCH], everybody, { effort, rows: keys });
    const figures = ROW_OPERATIONS.flatMap((operation) =>
      contestants.flatMap(({ service }) => {
        const what = `HTTP ${operation}, 1 worker`;
        return rateFigure(rates, operation, [ours.name, service.name], { what }) ?? [];
      }),
    );
    return { figures: [...figures, ...batchFigure(rates, ours.name)], leftOut };
  } finally {
    for (const { service } of contestants) await service.stop();
    await ours.stop();
  }
}

/** Rows per second of batches, compared with as many requests for one row each. */
function batchFigure(rates: readonly Rates<Operation>[], ours: string): Figure[] {
  const of = (operation: Operation, service: string) =>
    rates.find((each) => each.operation === operation && each.service === service)?.perSecond;
  const [batches, single] = [of(BATCH, ours), of('GET a row', NGINX)];
  if (batches === undefined || single === undefined) return [];
  const rows = batches.map((rate) => rate * GETS_IN_BATCH);
  return [
    {
      what: `HTTP batch of ${GETS_IN_BATCH} gets, rows/s, 1 worker`,
      comparedWith: `${NGINX}, one at a time`,
      unit: 'x',
      value: spreadOf(rows.map((rate, round) => rate / single[round])),
      target: { atLeast: 3 },
      note: `${shown(spreadOf(rows).median)} rows/s versus ${shown(spreadOf(single).median)}`,
    },
  ];
}
