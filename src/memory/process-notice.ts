import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/** Threads inherit it from the thread that starts them. */
const SAID = 'shmtable.process-memory-announced';

/** Says on standard error, once per process, that others do not see this memory. */
export function announcePrivacy(): void {
  if (getEnvironmentData(SAID) === true) return;
  setEnvironmentData(SAID, true);
  process.stderr.write(
    `shmtable: tables with backend process are private to process ${process.pid}, and to the thread that created them; ` +
      'use this for development and tests\n',
  );
}
