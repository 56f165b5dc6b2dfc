/** Sends random requests to every operation of the document and checks each response against it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Table } from '../../../src/table/table.js';
import { TOKENS } from '../../fixtures/access-tokens.js';
import { problemWith } from './answer-checks.js';
import { OPERATIONS, type Operation } from './described-operations.js';
import { FuzzService } from './fuzz-service.js';
import { createTables } from './fuzzed-tables.js';
import { RandomRequests } from './random-requests.js';
import { RandomValues } from './random-values.js';

const REQUESTS_BETWEEN_LOOKS = 50;
const MAX_FAILURES = 20;
const OF_TABLES = OPERATIONS.filter(({ parameters }) => parameters.length > 0);

export interface FuzzReport {
  readonly requests: number;
  /** The requests that failed, each with the problem of the response. */
  readonly failures: readonly string[];
  /** How often each status occurred, by operation. */
  readonly statuses: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** Documented successful statuses that never occurred. */
  readonly neverSeen: readonly string[];
}

/** Whether a successful response never ends. */
function isStream({ responses }: Operation): boolean {
  return 'text/event-stream' in (responses['200']?.content ?? {});
}

/** The same seed sends the same requests; the responses also depend on times and revisions. */
export async function runFuzz({ seed, requests }: { seed: number; requests: number }): Promise<FuzzReport> {
  const namespace = `fuzz-${process.pid}-${seed}`;
  const random = new RandomValues(seed);
  const maker = new RandomRequests(random);
  const dir = mkdtempSync(join(tmpdir(), 'shmtable-fuzz-'));
  const services = [
    await FuzzService.start({ namespace }),
    await FuzzService.start({ namespace, tokens: TOKENS, snapshots: { dir } }),
  ];
  const failures: string[] = [];
  const statuses = new Map(OPERATIONS.map(({ operationId }) => [operationId, new Map<number, number>()]));
  try {
    for (let i = 0; i < requests && failures.length < MAX_FAILURES; i++) {
      if (i % REQUESTS_BETWEEN_LOOKS === 0) createTables(namespace);
      const turn = OPERATIONS[i % OPERATIONS.length];
      // Operations without parameters and body are tested less often, because little can go wrong in them.
      const operation = turn.parameters.length > 0 || random.chance(20) ? turn : random.pick(OF_TABLES);
      const service = random.pick(services);
      const request = maker.next(operation);
      // A stream never ends, and a URL parser would change a path with dots.
      const bySocket = isStream(operation) || random.chance(20) || /\/\.|%2e/i.test(request.path);
      let problem: string | undefined;
      try {
        const answer = await (bySocket ? service.send(request) : service.inject(request));
        problem = problemWith(operation, answer);
        const { etag } = answer.headers;
        maker.learn(typeof etag === 'string' ? etag : undefined, answer.body);
        const counts = statuses.get(operation.operationId);
        counts?.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
      } catch (error) {
        problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
      }
      if (problem !== undefined) failures.push(`request ${i}: ${describe(request, bySocket)}: ${problem}`);
    }
  } finally {
    for (const service of services) await service.stop();
    rmSync(dir, { recursive: true });
    for (const { name, backend } of Table.list({ namespace })) Table.destroy(name, { namespace, backend });
  }
  return { requests, failures, statuses, neverSeen: OPERATIONS.flatMap((operation) => missingOf(operation, statuses)) };
}

function describe(request: ReturnType<RandomRequests['next']>, bySocket: boolean): string {
  const { method, path, headers, body } = request;
  const sent = body === undefined ? '' : ` ${body.subarray(0, 300)}`;
  return `${bySocket ? 'socket' : 'inject'} ${method} ${path} ${JSON.stringify(headers)}${sent}`;
}

function missingOf({ operationId, responses }: Operation, statuses: FuzzReport['statuses']): string[] {
  return Object.keys(responses)
    .filter((status) => Number(status) < 400 && !statuses.get(operationId)?.has(Number(status)))
    .map((status) => `${operationId} ${status}`);
}
