/** The load generator `wrk`, for one window of one kind of request. */
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
  readonly microseconds: number;
  /** Answers other than 2xx and 3xx. */
  readonly refused: number;
  /** Connections that failed, and answers that did not come. */
  readonly broken: number;
}

/** Requests a second over so many seconds, which must be whole. Throws when any of them fails. */
export async function requestsPerSecond(
  port: number,
  kind: RequestKind,
  rows: number,
  seconds: number,
): Promise<number> {
  const { method, path, body } = kind;
  const flags = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', SCRIPT, `http://127.0.0.1:${port}`];
  const request = [method, path, String(rows), ...(body === undefined ? [] : [body])];
  const { stdout } = await promisify(execFile)('wrk', [...flags, '--', ...request]);
  const { requests, microseconds, refused, broken }: Outcome = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  if (requests === 0 || refused > 0 || broken > 0) {
    throw new Error(`of ${requests} requests ${method} ${path} ${refused} were refused and ${broken} broke off`);
  }
  return (requests / microseconds) * 1e6;
}

/** A line when the load generator is not here. */
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
