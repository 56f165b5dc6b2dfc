/** The service beside a Fastify service with the same routes over a `Map`, with one worker and with two. */
import { type Figure, shown } from '../../src/bench/figure.js';
import { type Effort, isTrial, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { spreadOf } from '../../src/bench/spread.js';
import { measureRates, rateFigure } from '../http/rates.js';
import { BATCH_REQUEST, GETS_IN_BATCH, ROW_OPERATIONS, ROW_REQUESTS } from '../http/row-requests.js';
import { type HttpService, startMapService, startShmtable } from '../http/services.js';
import { missingWrk } from '../http/wrk.js';

const BATCH = 'batch';

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const missing = await missingWrk();
  if (missing !== undefined) return { figures: [], leftOut: [missing] };
  const keys = rowsFor(effort, rows);
  const figures: Figure[] = [];
  for (const workers of isTrial(effort) ? [1] : [1, 2]) {
    const started: HttpService[] = [];
    try {
      started.push(await startShmtable(workers, keys));
      started.push(await startMapService(workers, keys));
      figures.push(...(await measure([started[0], started[1]], effort, keys, workers)));
    } finally {
      for (const service of started) await service.stop();
    }
  }
  return { figures };
}

async function measure(
  services: readonly [HttpService, HttpService],
  effort: Effort,
  rows: number,
  workers: number,
): Promise<Figure[]> {
  const [ours, theirs] = services;
  const operations = isTrial(effort) ? ROW_OPERATIONS.slice(0, 1) : ROW_OPERATIONS;
  const rates = await measureRates(
    [...operations, BATCH],
    [
      { service: ours, requests: { ...ROW_REQUESTS, [BATCH]: BATCH_REQUEST } },
      { service: theirs, requests: ROW_REQUESTS },
    ],
    effort,
    rows,
  );
  const shownWorkers = workers === 1 ? '1 worker' : `${workers} workers`;
  const ourRates = (operation: string) =>
    rates.find((each) => each.operation === operation && each.service === ours)?.perSecond ?? [];
  const singleGets = ourRates('GET a row');
  const rowsPerSecond = ourRates(BATCH).map((rate) => rate * GETS_IN_BATCH);
  return [
    ...operations.flatMap((operation) => {
      const what = `HTTP ${operation}, ${shownWorkers}`;
      return rateFigure(rates, operation, services, { what, target: { atLeast: 0.95 } }) ?? [];
    }),
    {
      what: `HTTP batch of ${GETS_IN_BATCH} gets, rows/s, ${shownWorkers}`,
      beside: 'single gets',
      unit: 'x',
      value: spreadOf(rowsPerSecond.map((rate, round) => rate / singleGets[round])),
      target: { atLeast: 15 },
      note: `${shown(spreadOf(rowsPerSecond).median)} rows/s`,
    },
  ];
}
