/** Sends the same kinds of requests to several services, one after the other in every round. */
import { type Figure, shown } from '../../src/bench/figure.js';
import { type Effort, isTrial } from '../../src/bench/section.js';
import { spreadOf } from '../../src/bench/spread.js';
import type { HttpService } from './services.js';
import { type RequestKind, sendRequests } from './wrk.js';

/** A service, and its form of each request that it supports. */
export interface Contestant<Operation extends string> {
  readonly service: HttpService;
  readonly requests: Partial<Readonly<Record<Operation, RequestKind>>>;
}

/** Requests per second to the service of this name, for each round. */
export interface Rates<Operation extends string> {
  readonly operation: Operation;
  readonly service: string;
  readonly perSecond: readonly number[];
}

const WINDOW_SECONDS = 1;
const MAX_ROUNDS = 9;
/** Number of rounds, of a window each; Node's services compile their code in the first. */
const WARM_UP_ROUNDS = 1;

/** Number of rounds of a complete measurement. */
export function roundsOf(effort: Effort): number {
  return Math.max(1, Math.min(MAX_ROUNDS, Math.ceil(effort.rounds / 3)));
}

export async function measureRates<Operation extends string>(
  operations: readonly Operation[],
  contestants: readonly Contestant<Operation>[],
  { effort, rows, rounds = roundsOf(effort) }: { effort: Effort; rows: number; rounds?: number },
): Promise<Rates<Operation>[]> {
  const rates = operations.flatMap((operation) =>
    contestants.flatMap(({ service, requests }) => {
      const kind = requests[operation];
      return kind === undefined
        ? []
        : { operation, service: service.name, port: service.port, kind, perSecond: [] as number[] };
    }),
  );
  for (let round = isTrial(effort) ? 0 : -WARM_UP_ROUNDS; round < rounds; round++) {
    // In alternating order, so that no service always comes first.
    for (const { port, kind, perSecond } of round % 2 === 0 ? rates : [...rates].reverse()) {
      const { requests, microseconds } = await sendRequests(port, kind, rows, WINDOW_SECONDS);
      if (round >= 0) perSecond.push((requests / microseconds) * 1e6);
    }
  }
  return rates;
}

/** Combines the measurements of several processes of each service. */
export function joinRates<Operation extends string>(processes: readonly Rates<Operation>[][]): Rates<Operation>[] {
  return processes[0].map(({ operation, service }, i) => ({
    operation,
    service,
    perSecond: processes.flatMap((rates) => rates[i].perSecond),
  }));
}

/** The ratio of the requests per second of two services; undefined if one of them does not support the operation. */
export function rateFigure<Operation extends string>(
  rates: readonly Rates<Operation>[],
  operation: Operation,
  [ours, theirs]: readonly [string, string],
  more: Pick<Figure, 'what' | 'target'>,
): Figure | undefined {
  const of = (service: string) => rates.find((each) => each.operation === operation && each.service === service);
  const [one, other] = [of(ours)?.perSecond, of(theirs)?.perSecond];
  if (one === undefined || other === undefined) return undefined;
  return {
    ...more,
    comparedWith: theirs,
    unit: 'x',
    value: spreadOf(one.map((rate, round) => rate / other[round])),
    note: `${shown(spreadOf(one).median)} requests/s versus ${shown(spreadOf(other).median)}`,
  };
}
