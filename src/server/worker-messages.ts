/** What primary and workers tell each other. No message is ever sent on behalf of a request. */
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

/** A worker to the primary: it listens, or cannot. */
const fromWorker = Type.Union([
  Type.Object({ type: Type.Literal('ready'), address: Type.String() }),
  Type.Object({ type: Type.Literal('failed'), reason: Type.String() }),
]);

export type WorkerMessage = Static<typeof fromWorker>;

/** The primary to a worker: finish what has begun and end. */
export const STOP = 'stop';

/** The environment variable that carries the settings, as JSON, to a worker. */
export const SETTINGS_VARIABLE = 'SHMTABLE_WORKER_SETTINGS';

const compiled = Compile(fromWorker);

export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return compiled.Check(message);
}
