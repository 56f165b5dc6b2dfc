/** Clients of different workers write one row at the same time, with the same condition. */
import { Agent } from 'node:http';
import t from 'tap';
import { type HttpAnswer, type HttpOptions, send } from '../fixtures/http-client.js';
import { startService } from '../fixtures/server-process.js';
import { tries } from '../fixtures/tries.js';

const TABLE = '/v1/tables/t';
const ROW = `${TABLE}/rows/k`;
const ROUNDS = tries(25, 100);

/** An agent for each worker, whose only connection leads to it. */
async function agentPerWorker(port: number, workers: readonly number[]): Promise<Agent[]> {
  const agents = new Map<number, Agent>();
  while (agents.size < workers.length) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const worker = Number((await send(port, 'GET', '/healthz', { agent })).headers['shm-worker']);
    if (agents.has(worker)) agent.destroy();
    else agents.set(worker, agent);
  }
  return [...agents.values()];
}

t.test('exactly one client succeeds each time', async (t) => {
  const { port, workers } = await startService(t, { args: ['--table', 't:10:n=int64'] });
  const agents = await agentPerWorker(port, workers);
  t.teardown(() => {
    for (const agent of agents) agent.destroy();
  });
  const wins = new Map<string | undefined, number>();
  /**
   * Sends with all agents at once, a different one first each time; returns the responses, the successful one first.
   */
  const race = async (round: number, method: string, path: string, options: HttpOptions) => {
    const order = round % 2 === 0 ? agents : agents.toReversed();
    const answers = await Promise.all(order.map((agent) => send(port, method, path, { ...options, agent })));
    answers.sort((a, b) => a.status - b.status);
    const worker = answers[0].headers['shm-worker'];
    wins.set(String(worker), (wins.get(String(worker)) ?? 0) + 1);
    return answers;
  };
  const statuses = (answers: readonly HttpAnswer[]) => answers.map(({ status }) => status);

  const outcomes = new Map<string, Set<string>>();
  const note = (what: string, answers: readonly HttpAnswer[]) => {
    outcomes.set(what, (outcomes.get(what) ?? new Set()).add(statuses(answers).join(' ')));
  };
  for (let round = 0; round < ROUNDS; round++) {
    const created = await race(round, 'PUT', ROW, { json: { n: round }, headers: { 'if-none-match': '*' } });
    note('PUT If-None-Match: *', created);
    const replaced = await race(round, 'PUT', ROW, { json: { n: 1 }, headers: { 'if-match': tagOf(created) } });
    note('PUT If-Match', replaced);
    const patched = await race(round, 'PATCH', ROW, { json: { n: 2 }, headers: { 'if-match': tagOf(replaced) } });
    note('PATCH If-Match', patched);
    const increment = { json: { column: 'n' }, headers: { 'if-match': tagOf(patched) } };
    const counted = await race(round, 'POST', `${ROW}/increment`, increment);
    note('increment If-Match', counted);
    const [{ json }] = counted;
    const batch = { json: [{ op: 'set', key: 'k', row: { n: 9 }, revision: json.revision }] };
    const batches = await race(round, 'POST', `${TABLE}/batch`, batch);
    const set = batches.flatMap((answer) => answer.json.results.map(({ status }: { status: number }) => status));
    outcomes.set('batch with revision', (outcomes.get('batch with revision') ?? new Set()).add(set.sort().join(' ')));
    const { headers } = await send(port, 'GET', ROW);
    const removed = await race(round, 'DELETE', ROW, { headers: { 'if-match': headers.etag ?? '' } });
    note('DELETE If-Match', removed);
  }
  t.same(Object.fromEntries([...outcomes].map(([what, seen]) => [what, [...seen]])), {
    'PUT If-None-Match: *': ['201 412'],
    'PUT If-Match': ['200 412'],
    'PATCH If-Match': ['200 412'],
    'increment If-Match': ['200 412'],
    'batch with revision': ['200 412'],
    // The row no longer exists, which is checked first.
    'DELETE If-Match': ['204 404'],
  });
  t.comment(`successes by worker: ${JSON.stringify([...wins])}`);
});

function tagOf([winner]: readonly HttpAnswer[]): string {
  return winner.headers.etag ?? '';
}
