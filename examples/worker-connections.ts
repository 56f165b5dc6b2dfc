/** One HTTP connection to each worker; every response names its worker. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * Maximum number of connections opened until every worker has one; connections spread over the workers, so few are
 * needed.
 */
const MAX_CONNECTIONS = 200;

/** A connection that stays with one worker. */
export class WorkerConnection {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  send(method: string, path: string, body?: unknown): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = text === undefined ? {} : { 'Content-Type': 'application/json' };
      const outgoing = request({ host: '127.0.0.1', port: this.#port, method, path, headers, agent: this.#agent });
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode: status = 0, headers: received } = response;
          resolve({ status, headers: received, body: Buffer.concat(chunks).toString() });
        });
      });
      outgoing.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** A connection to every one of the workers, by process id. */
export async function connectToWorkers(port: number, pids: readonly number[]): Promise<Map<number, WorkerConnection>> {
  const connections = new Map<number, WorkerConnection>();
  for (let tries = 0; connections.size < pids.length; tries++) {
    if (tries === MAX_CONNECTIONS)
      throw new Error(`${tries} connections reached only ${connections.size} of ${pids.length} workers`);
    const connection = new WorkerConnection(port);
    const pid = Number((await connection.send('GET', '/healthz')).headers['shm-worker']);
    if (connections.has(pid)) connection.close();
    else connections.set(pid, connection);
  }
  return connections;
}
