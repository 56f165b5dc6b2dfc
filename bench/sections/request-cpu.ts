/**
 * The processor time that the service needs for a request, compared with that of bare frameworks, which respond to
 * every request with the same row.
 */
import { type Figure, shown } from '../../src/bench/figure.js';
import { type Effort, isTrial, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { type Spread, spreadOf } from '../../src/bench/spread.js';
import { type Contestant, roundsOf } from '../http/rates.js';
import { ROW_OPERATIONS, ROW_REQUESTS, type RowOperation } from '../http/row-requests.js';
import { type HttpService, startHello, startPlugin, startShmtable } from '../http/services.js';
import { missingWrk, sendRequests } from '../http/wrk.js';
import { processorTimeUs } from '../servers/processor-time.js';

const WINDOW_SECONDS = 1;
/** In each process, until the compiler has optimised everything, which it does differently in each. */
const WARM_UP_ROUNDS = 3;
const STARTS = 3;

/** Multiples of the time of a Fastify app that parses the same body and always sends the same response. */
const TARGETS: Readonly<Record<RowOperation, number>> = { 'GET a row': 1.25, 'PUT a row': 1.6, increment: 1.6 };
const FASTIFY = 'Fastify, one response';

/** Microseconds of a request in each round, by service. */
type Times = Map<string, number[]>;

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const missing = await missingWrk();
  if (missing !== undefined) return { figures: [], leftOut: [missing] };
  const keys = rowsFor(effort, rows);
  const times = new Map<RowOperation, Times>(ROW_OPERATIONS.map((operation) => [operation, new Map()]));
  for (let i = 0; i < (isTrial(effort) ? 1 : STARTS); i++) await measure(effort, keys, times);
  return { figures: [...times].flatMap(([operation, ofServices]) => figuresOf(operation, ofServices)) };
}

/** Starts all services, measures them in turn, and ends them. */
async function measure(effort: Effort, rows: number, times: ReadonlyMap<RowOperation, Times>): Promise<void> {
  const contestants: Contestant<RowOperation>[] = [];
  const join = (service: HttpService, requests: Contestant<RowOperation>['requests'] = ROW_REQUESTS): void => {
    contestants.push({ service, requests });
  };
  try {
    join(await startShmtable(1, rows));
    join(await startPlugin(rows));
    join(await startHello('fastify'));
    join(await startHello('node'), { 'GET a row': ROW_REQUESTS['GET a row'] });
    for (const [operation, ofServices] of times) {
      for (let round = isTrial(effort) ? 0 : -WARM_UP_ROUNDS; round < roundsOf(effort); round++) {
        // In alternating order, so that no service always comes first.
        for (const { service, requests } of round % 2 === 0 ? contestants : [...contestants].reverse()) {
          const kind = requests[operation];
          if (kind === undefined) continue;
          const before = processorTimeUs(service.pid);
          const { requests: sent } = await sendRequests(service.port, kind, rows, WINDOW_SECONDS);
          const us = (processorTimeUs(service.pid) - before) / sent;
          if (round >= 0) ofServices.set(service.name, [...(ofServices.get(service.name) ?? []), us]);
        }
      }
    }
  } finally {
    for (const { service } of contestants) await service.stop();
  }
}

function figuresOf(operation: RowOperation, times: Times): Figure[] {
  const [[, ours], ...others] = times;
  return others.map(([name, theirs]) => {
    const [own, other] = [spreadOf(ours), spreadOf(theirs)];
    return {
      what: `HTTP ${operation}, processor time`,
      comparedWith: name,
      unit: 'x',
      value: spreadOf(ours.map((us, round) => us / theirs[round])),
      ...(name === FASTIFY && { target: { below: TARGETS[operation] } }),
      ns: inNs(own),
      comparedNs: inNs(other),
      note: `less is better; ${shown(own.median)} us versus ${shown(other.median)}, at least ${shown(own.minimum)} versus ${shown(other.minimum)}`,
    };
  });
}

function inNs({ median, minimum, lowerQuartile, upperQuartile }: Spread): Spread {
  const [ns, least, lower, upper] = [median, minimum, lowerQuartile, upperQuartile].map((us) => us * 1000);
  return { median: ns, minimum: least, lowerQuartile: lower, upperQuartile: upper };
}
