/** What primary and workers tell each other. No message is ever sent on behalf of a request. */
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

/** A worker to the primary: it listens, or cannot. */
const fromWorker = Type.Union([
  Type.Object({ type: Type.Literal('ready') }),
  Type.Object({ type: Type.Literal('failed'), reason: Type.String() }),
]);

/** The primary to a worker: finish what has begun and end, leaving idle connections for so long. */
const toWorker = Type.Object({ type: Type.Literal('stop'), idleMs: Type.Integer({ minimum: 0 }) });

export type WorkerMessage = Static<typeof fromWorker>;
export type PrimaryMessage = Static<typeof toWorker>;

/** What a worker is started with. */
export interface WorkerTask {
  readonly settings: unknown;
  /** How many listening sockets it inherits. */
  readonly listeners: number;
  /** Name of the memory that it shares with the primary and the other workers. */
  readonly memory: string;
}

/** The environment variable that carries a worker's task, as JSON. */
export const TASK_VARIABLE = 'SHMTABLE_WORKER_TASK';

const compiledFromWorker = Compile(fromWorker);
const compiledToWorker = Compile(toWorker);

export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return compiledFromWorker.Check(message);
}

export function isPrimaryMessage(message: unknown): message is PrimaryMessage {
  return compiledToWorker.Check(message);
}
