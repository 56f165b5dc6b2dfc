/**
 * Follows an event stream of the service over `fetch`, because an `EventSource` cannot send a token, and connects again
 * whenever the stream ends.
 */
import { send } from './api.js';
import { linesOf } from './lines.js';
import { ApiProblem, unreachable } from './problem.js';
import { pauseBefore } from './reconnection.js';
import { accessGranted } from './session.js';
import { type ServerEvent, SseParser } from './sse-parser.js';

export type StreamState =
  | { readonly state: 'connecting' }
  | { readonly state: 'open' }
  /** Connects again at `retryAt`, in epoch milliseconds. */
  | { readonly state: 'waiting'; readonly retryAt: number; readonly problem: ApiProblem }
  /** The service refuses the stream, so there is no use in trying again. */
  | { readonly state: 'refused'; readonly problem: ApiProblem };

interface StreamOptions {
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly onEvent: (event: ServerEvent) => void;
  readonly onState?: (state: StreamState) => void;
  /** A stream without a byte for this long is taken for lost. The service sends a heartbeat every 15 s. */
  readonly silenceMs?: number;
}

/** Follows the stream until the returned function is called. Resumes where it ended: comments have ids too. */
export function followEvents(options: StreamOptions): () => void {
  const ended = new AbortController();
  void follow(options, ended.signal);
  return () => ended.abort();
}

async function follow(options: StreamOptions, ended: AbortSignal): Promise<void> {
  const { onState } = options;
  const position: Position = { id: undefined };
  let failures = 0;
  while (!ended.aborted) {
    onState?.({ state: 'connecting' });
    const problem = await readOnce(options, position, ended, (event) => {
      failures = 0;
      options.onEvent(event);
    });
    if (ended.aborted) return;
    if (isFinal(problem)) {
      onState?.({ state: 'refused', problem });
      if (problem.status !== 401) return;
      await accessGranted(ended);
      continue;
    }
    const pauseMs = pauseBefore(failures++, Math.random());
    onState?.({ state: 'waiting', retryAt: Date.now() + pauseMs, problem });
    await pause(pauseMs, ended);
  }
}

/** The id after which to resume. */
interface Position {
  id: string | undefined;
}

/** Reads one response to its end, and returns why it has ended. */
async function readOnce(
  { path, query, onState, silenceMs = 45_000 }: StreamOptions,
  position: Position,
  ended: AbortSignal,
  onEvent: (event: ServerEvent) => void,
): Promise<ApiProblem> {
  const silent = new AbortController();
  let timer = setTimeout(() => silent.abort(), silenceMs);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.abort(), silenceMs);
  };
  try {
    const response = await send(path, {
      ...(query !== undefined && { query }),
      headers: { Accept: 'text/event-stream', 'Last-Event-ID': position.id },
      signal: AbortSignal.any([ended, silent.signal]),
    });
    heard();
    onState?.({ state: 'open' });
    const parser = new SseParser();
    for await (const line of linesOf(response.body ?? new ReadableStream(), heard)) {
      const event = parser.line(line);
      position.id = parser.lastId ?? position.id;
      if (event !== undefined) onEvent(event);
    }
    return new ApiProblem(0, 'ERR_UNREACHABLE', 'the service has ended the stream');
  } catch (error) {
    if (error instanceof ApiProblem) return error;
    return unreachable(silent.signal.aborted ? `nothing for ${silenceMs / 1000} s` : error);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether the same request would be refused again. */
function isFinal({ status }: ApiProblem): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** Waits; shorter if the browser learns that it is online again, or the page becomes visible. */
function pause(ms: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = (): void => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(end, ms);
    ended.addEventListener('abort', end, { signal: over.signal });
    window.addEventListener('online', end, { signal: over.signal });
    document.addEventListener('visibilitychange', end, { signal: over.signal });
  });
}
