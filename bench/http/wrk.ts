/** The load generator `wrk`, run for one window with one kind of request. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('../../../bench/http/load.lua', import.meta.url));
const CONNECTIONS = '32';

/** `path` and `body` may hold placeholders: see load.lua. */
export interface RequestKind {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

interface Outcome {
  readonly requests: number;
  /** How long they took all together. */
  readonly microseconds: number;
  /** Responses other than 2xx and 3xx. */
  readonly refused: number;
  /** Failed connections and missing responses. */
  readonly broken: number;
}

/** Sends requests for a whole number of seconds. Throws if any request fails. */
export async function sendRequests(
  port: number,
  kind: RequestKind,
  rows: number,
  seconds: number,
): Promise<Pick<Outcome, 'requests' | 'microseconds'>> {
  const { method, path, body } = kind;
  const flags = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', SCRIPT, `http://127.0.0.1:${port}`];
  const request = [method, path, String(rows), ...(body === undefined ? [] : [body])];
  const { stdout } = await promisify(execFile)('wrk', [...flags, '--', ...request]);
  const { requests, microseconds, refused, broken }: Outcome = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  if (requests === 0 || refused > 0 || broken > 0) {
    throw new Error(`of ${requests} requests ${method} ${path} ${refused} were refused and ${broken} were interrupted`);
  }
  return { requests, microseconds };
}

/** Returns a line about it if the load generator is not installed. */
export async function missingWrk(): Promise<string | undefined> {
  try {
    await promisify(execFile)('wrk', ['-v']);
  } catch (error) {
    // It exits with 1 when it prints its version.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return 'wrk is not installed (Debian package wrk)';
    }
  }
  return undefined;
}
