import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { fixturePath } from './child.js';

/** Threads that have a table open for writing, each through two handles; `close` ends them all. */
export async function openInThreads(name: string, count: number): Promise<{ close(): Promise<void> }> {
  const workers = Array.from({ length: count }, () => new Worker(fixturePath('table-holder'), { workerData: name }));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  return {
    close: async () => {
      for (const worker of workers) worker.postMessage('close');
      await Promise.all(workers.map((worker) => once(worker, 'exit')));
    },
  };
}
