/** The service compared with a Fastify service with the same routes over a `Map`, with one worker and with two. */
import { type Figure, shown } from '../../src/bench/figure.js';
import { type Effort, isTrial, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { spreadOf } from '../../src/bench/spread.js';
import { type Contestant, joinRates, measureRates, type Rates, rateFigure, roundsOf } from '../http/rates.js';
import { BATCH_REQUEST, GETS_IN_BATCH, ROW_OPERATIONS, ROW_REQUESTS, type RowOperation } from '../http/row-requests.js';
import { type HttpService, startMapService, startShmtable } from '../http/services.js';
import { missingWrk } from '../http/wrk.js';

const BATCH = 'batch';
type Operation = RowOperation | typeof BATCH;
/** Names of the two services. */
const OURS = 'shmtable';
const THEIRS = 'Fastify over a Map';
/**
 * How often both are restarted: the compiler optimises the same service differently in each process, which changes the
 * requests per second by 15 %.
 */
const STARTS = 3;

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const missing = await missingWrk();
  if (missing !== undefined) return { figures: [], leftOut: [missing] };
  const keys = rowsFor(effort, rows);
  const figures: Figure[] = [];
  for (const workers of isTrial(effort) ? [1] : [1, 2]) figures.push(...(await measure(effort, keys, workers)));
  return { figures };
}

async function measure(effort: Effort, rows: number, workers: number): Promise<Figure[]> {
  const operations = isTrial(effort) ? ROW_OPERATIONS.slice(0, 1) : ROW_OPERATIONS;
  const starts = isTrial(effort) ? 1 : STARTS;
  const rounds = Math.ceil(roundsOf(effort) / starts);
  const started: Rates<Operation>[][] = [];
  for (let i = 0; i < starts; i++)
    started.push(await measureOnce([...operations, BATCH], { effort, rows, rounds }, workers));
  const rates = joinRates(started);
  const shownWorkers = workers === 1 ? '1 worker' : `${workers} workers`;
  const ourRates = (operation: string) =>
    rates.find((each) => each.operation === operation && each.service === OURS)?.perSecond ?? [];
  const singleGets = ourRates('GET a row');
  const rowsPerSecond = ourRates(BATCH).map((rate) => rate * GETS_IN_BATCH);
  return [
    ...operations.flatMap((operation) => {
      const what = `HTTP ${operation}, ${shownWorkers}`;
      return rateFigure(rates, operation, [OURS, THEIRS], { what, target: { atLeast: 0.95 } }) ?? [];
    }),
    {
      what: `HTTP batch of ${GETS_IN_BATCH} gets, rows/s, ${shownWorkers}`,
      comparedWith: 'single gets',
      unit: 'x',
      value: spreadOf(rowsPerSecond.map((rate, round) => rate / singleGets[round])),
      target: { atLeast: 15 },
      note: `${shown(spreadOf(rowsPerSecond).median)} rows/s`,
    },
  ];
}

/** Starts both services, with their rows, and ends them. */
async function measureOnce(
  operations: readonly Operation[],
  extent: { effort: Effort; rows: number; rounds: number },
  workers: number,
): Promise<Rates<Operation>[]> {
  const services: HttpService[] = [];
  try {
    services.push(await startShmtable(workers, extent.rows));
    services.push(await startMapService(workers, extent.rows));
    const requests = { ...ROW_REQUESTS, [BATCH]: BATCH_REQUEST };
    const contestants: Contestant<Operation>[] = services.map((service) => ({
      service,
      requests: service.name === OURS ? requests : ROW_REQUESTS,
    }));
    return await measureRates(operations, contestants, extent);
  } finally {
    for (const service of services) await service.stop();
  }
}
