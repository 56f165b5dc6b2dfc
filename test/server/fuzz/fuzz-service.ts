/** The service under test: its app, called directly or through a socket. */
import { Agent, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { buildApp } from '../../../src/server/app.js';
import { type GivenSettings, withDefaults } from '../../../src/server/settings/settings-schema.js';
import type { FuzzedAnswer } from './answer-checks.js';
import type { FuzzedRequest } from './random-requests.js';

/** No request of the fuzzer takes long. */
const LONGEST_MS = 30_000;

export class FuzzService {
  readonly #app;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #port;

  private constructor(app: Awaited<ReturnType<typeof buildApp>>) {
    const { port }: AddressInfo = Object(app.server.address());
    this.#app = app;
    this.#port = port;
  }

  static async start(settings: GivenSettings): Promise<FuzzService> {
    const app = await buildApp(withDefaults({ logLevel: 'silent', ...settings }));
    await app.listen({ host: '127.0.0.1', port: 0 });
    return new FuzzService(app);
  }

  /** Without a socket, which is several times as fast; impossible for invalid URLs and endless responses. */
  async inject({ method, path, headers, body }: FuzzedRequest): Promise<FuzzedAnswer> {
    const answer = await this.#app.inject({
      method: method as 'GET',
      url: path,
      headers,
      ...(body !== undefined && { payload: body }),
      signal: AbortSignal.timeout(LONGEST_MS),
    });
    // Over a socket, a response to HEAD has no body, whatever the handler sends.
    return { status: answer.statusCode, headers: answer.headers, body: method === 'HEAD' ? '' : answer.body };
  }

  /** Through a socket, with the path unchanged. Only the headers of a stream are read. */
  send({ method, path, headers, body }: FuzzedRequest): Promise<FuzzedAnswer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { host: '127.0.0.1', port: this.#port, method, path, headers, agent: this.#agent, timeout: LONGEST_MS },
        (response) => {
          readBody(response).then((read) => {
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: read });
          }, reject);
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no response within ${LONGEST_MS} ms`)));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await this.#app.close();
  }
}

async function readBody(response: IncomingMessage): Promise<string> {
  if (response.statusCode !== 200 || !response.headers['content-type']?.startsWith('text/event-stream')) {
    return text(response);
  }
  response.destroy();
  return '';
}
