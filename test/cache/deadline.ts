import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves as soon as `holds`; rejects, with what `shown` tells, when it does not within so many milliseconds. */
export async function eventually(
  what: string,
  holds: () => boolean,
  ms = 15_000,
  shown?: () => unknown,
): Promise<void> {
  for (const deadline = performance.now() + ms; !holds(); await sleep(2)) {
    if (performance.now() > deadline)
      throw new Error(`not within ${ms} ms: ${what} ${JSON.stringify(shown?.()) ?? ''}`);
  }
}

/** What the promise resolves to; rejects when it does not within so many milliseconds. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const late = sleep(ms, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`not within ${ms} ms: ${what}`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
  }
}
