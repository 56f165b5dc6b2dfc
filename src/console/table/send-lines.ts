/** Sends rows in lines, again when the service asks for patience. */
import { call } from '../client/api.js';
import { tablePath } from '../client/paths.js';
import { ApiProblem } from '../client/problem.js';
import { pauseBefore } from '../client/reconnection.js';
import type { LoadReport } from './upload-rows.js';

/** Together with the pauses, about a minute. */
const MAX_TRIES = 10;

/** A line replaces the row with its key, so it does no harm that some lines are written twice. */
export async function sendLines(table: string, body: Blob | string, signal: AbortSignal): Promise<LoadReport> {
  for (let failures = 0; ; ) {
    try {
      const path = `${tablePath(table)}/rows`;
      const options = { method: 'POST', body: { content: body, type: 'application/x-ndjson' }, signal } as const;
      const { value } = await call<LoadReport>(path, options);
      return value;
    } catch (error) {
      const isTemporary = error instanceof ApiProblem && (error.status === 429 || error.status === 503);
      if (!isTemporary || ++failures === MAX_TRIES) throw error;
      await pause(pauseBefore(failures, Math.random()), signal);
    }
  }
}

/** Rejects when the signal is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
