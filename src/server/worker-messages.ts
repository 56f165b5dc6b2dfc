/** Messages between primary and workers. Serving a request needs no messages. */
import type { Static } from 'typebox';
import { Compile } from 'typebox/schema';
import { Type } from './json-schema.js';

/** From a worker to the primary: it listens, or it failed to. */
const fromWorker = Type.Union([
  Type.Object({ type: Type.Literal('ready') }),
  Type.Object({ type: Type.Literal('failed'), reason: Type.String() }),
]);

/** From the primary to a worker: complete the current requests and exit, keeping idle connections for a time. */
const toWorker = Type.Object({ type: Type.Literal('stop'), idleMs: Type.Integer({ minimum: 0 }) });

export type WorkerMessage = Static<typeof fromWorker>;
export type PrimaryMessage = Static<typeof toWorker>;

/** Startup parameters of a worker. */
export interface WorkerTask {
  readonly settings: unknown;
  /** Number of listening sockets that it inherits. */
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
